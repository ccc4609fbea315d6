"""What is asked of a population, each in a method that loads what derives it."""

from __future__ import annotations

from typing import Any

__all__ = ["Verbs"]


class Verbs:
    """The theorems about a population, as its methods."""

    __slots__ = ()

    def price(self, z: Any = "z", transmission: bool = True) -> Any:
        """Price's equation, `w̄ Δz̄ = Cov(w, z) + E(w Δz)`.

        Parameters
        ==========

        z : a trait by name, or an expression in traits.
        transmission : False where offspring are like their parents.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> print(Population().price('z').derivation)
        w̄ Δz̄ = w̄ E'(z + Δz) - w̄ z̄        definition of the change
             = E(w (z + Δz)) - w̄ z̄        frequencies after selection
             = E(w z) + E(w Δz) - w̄ z̄     linearity
             = Cov(w, z) + E(w Δz)        definition of the covariance
        """
        from .selection import discrete

        return discrete(self, self.trait(z), transmission)  # type: ignore[attr-defined]

    def continuous(self, z: Any = "z") -> Any:
        """Price's equation in continuous time, `dz̄/dt = Cov(f, z) + E(ż)`.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> Population().continuous('z').change
        Cov(f, z) + Mean(TraitRate(z))
        """
        from .selection import continuous

        return continuous(self, self.trait(z))  # type: ignore[attr-defined]

    def variance_change(self, z: Any = "z") -> Any:
        """`ΔVar(z) = Cov(w, (z - z̄)²)/w̄ - (Δz̄)²` under selection, without transmission.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> pair = Population(fitness=[1, 3], traits={'z': [0, 1]})
        >>> pair.variance_change('z').doit()
        -1/16
        """
        from .selection import variance_change

        return variance_change(self, self.trait(z))  # type: ignore[attr-defined]

    def multilevel(self, z: Any = "z", groups: Any = None, names: Any = None) -> Any:
        """Selection between groups and within them, groups within groups.

        Parameters
        ==========

        z : a trait.
        groups : the group of every type in a list; several such lists, the outermost first, for
            groups in groups. Of a population without types, the number of levels above the
            individuals.
        names : a letter for every level, the outermost first.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> print(Population().multilevel('z').text())
        w̄ Δz̄ = Cov_g(Eᵢ(w), Eᵢ(z)) + E_g(Covᵢ(w, z)) + E_g(Eᵢ(w Δz))
        """
        from .multilevel import multilevel

        return multilevel(self, self.trait(z), groups, names)  # type: ignore[attr-defined]

    def fisher(self, *genes: Any) -> Any:
        """Fisher's theorem, `Δ_NS w̄ = V_A/w̄`: natural selection raises fitness by its additive
        variance.

        Parameters
        ==========

        genes : traits, as the doses of alleles. Fitness is regressed on all of them together; the
            coefficients are their average effects α, and the breeding value is Σ α_j x_j.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> found = Population().fisher('x')
        >>> print(found.text())
        ΔE(α x) = Var(α x)/w̄
        >>> list(found.definitions.values())
        [Cov(w, x)/Var(x)]

        References
        ==========

        R. A. Fisher, The Genetical Theory of Natural Selection (1930). G. R. Price, Fisher's
        'fundamental theorem' made clear, Annals of Human Genetics 36 (1972).
        """
        from .regression import fisher

        return fisher(self, genes or ("x",))

    def breeder(self, z: Any = "z") -> Any:
        """The breeder's equation, `R = h² S`: the response is the heritability times the selection
        differential.

        `R` is the change from the offspring of all to the offspring of the selected, and h² the
        regression of offspring on parents. Of a population with types in which the rest of the
        regression covaries with fitness, `Cov(w, e)/w̄` is added.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> found = Population().breeder('z')
        >>> print(found.text())
        ΔE(z + Δz) = h² Δz̄
        """
        from .regression import breeder

        return breeder(self, self.trait(z))  # type: ignore[attr-defined]

    def hamilton(self, z: Any = "z", partner: Any = "y") -> Any:
        """Hamilton's rule, `w̄ Δz̄ = (r B - C) Var(z)`.

        B and C are the coefficients of fitness regressed on the partner's trait and on one's own, r
        is the regression of the partner's trait on one's own.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> print(Population().hamilton('z', 'y').text())
        w̄ Δz̄ = (B r - C) Var(z)

        References
        ==========

        W. D. Hamilton, Nature 228 (1970). D. C. Queller, A general model for kin selection,
        Evolution 46 (1992).
        """
        from .regression import hamilton

        return hamilton(self, self.trait(z), self.trait(partner))  # type: ignore[attr-defined]

    def bayes(self, theta: Any = "theta") -> Any:
        """Bayes' rule as selection: `Δθ̄ = Cov(ℓ, θ)/E(ℓ)`, where types are hypotheses.

        Frequencies are the prior, fitness is the likelihood ℓ, and mean fitness the evidence.

        Examples
        ========

        >>> from sympy import Rational
        >>> from symprice.populations.population import Population
        >>> coins = Population(fitness=[Rational(1, 4), Rational(3, 4)],
        ...                    traits={'theta': [Rational(1, 4), Rational(3, 4)]})
        >>> coins.bayes('theta').both_sides()
        Eq(1/8, 1/8)
        """
        from .selection import bayes

        return bayes(self, self.trait(theta))  # type: ignore[attr-defined]

    def replicator(self) -> Any:
        """The replicator equation `ẋᵢ = xᵢ (fᵢ - f̄)`, its solution, and `df̄/dt = Var(f) + E(ḟ)`.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> Population(['A', 'B'], growth=[1, 3]).replicator().rates
        (-1/2, 1/2)
        """
        from .replicator import Replicator

        return Replicator(self)

    def quasispecies(self, mutation: Any) -> Any:
        """Selection and mutation, `ẋ = Q F x - f̄ x`, with its equilibrium.

        Examples
        ========

        >>> from sympy import Matrix, Rational
        >>> from symprice.populations.population import Population
        >>> u = Rational(1, 10)
        >>> pair = Population(['A', 'B'], fitness=[2, 2])
        >>> pair.quasispecies(Matrix([[1 - u, u], [u, 1 - u]])).equilibrium.T
        Matrix([[1/2, 1/2]])
        """
        from .quasispecies import Quasispecies

        return Quasispecies(self, mutation)
