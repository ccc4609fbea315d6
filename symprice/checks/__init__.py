"""Is it true: results held against an evaluation that shares no code with their derivation."""

from .checking import check as check
from .report import Report as Report
