"""What particles and supports are made of, and how strongly a nanometre of it scatters."""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.wave.optics import REST_ENERGY_KEV, interaction_constant

AVOGADRO = 6.02214076e23
FINE_STRUCTURE = 137.036

# Atomic numbers and masses (g/mol; IUPAC 2021 conventional weights) of the elements below.
ELEMENTS: dict[str, tuple[int, float]] = {
    "H": (1, 1.008), "C": (6, 12.011), "N": (7, 14.007), "O": (8, 15.999), "F": (9, 18.998),
    "Al": (13, 26.982), "Si": (14, 28.085), "P": (15, 30.974), "S": (16, 32.06),
    "Ti": (22, 47.867), "Fe": (26, 55.845), "Co": (27, 58.933), "Ni": (28, 58.693),
    "Cu": (29, 63.546), "Zn": (30, 65.38), "Ru": (44, 101.07), "Rh": (45, 102.91),
    "Pd": (46, 106.42), "Ag": (47, 107.87), "Cd": (48, 112.41), "Sn": (50, 118.71),
    "Se": (34, 78.971), "Ce": (58, 140.12), "Pt": (78, 195.08), "Au": (79, 196.97),
    "Pb": (82, 207.2),
}  # fmt: skip


@dataclass(frozen=True)
class Material:
    """A material as a scatterer.

    Parameters
    ----------
    density
        g/cm³.
    formula
        Atoms of each element in a formula unit.
    inner_potential
        Mean inner potential in V, which sets the phase.
    """

    density: float
    formula: dict[str, float]
    inner_potential: float

    @property
    def units_per_nm3(self) -> float:
        """Formula units in a cubic nanometre."""
        mass = sum(n * ELEMENTS[element][1] for element, n in self.formula.items())
        return self.density / mass * AVOGADRO * 1e-21

    @property
    def mean_z(self) -> float:
        """Mean atomic number, weighted by atoms."""
        total = sum(self.formula.values())
        return sum(n * ELEMENTS[element][0] for element, n in self.formula.items()) / total

    def elastic_per_nm(self, energy_kv: float) -> float:
        """Elastic scattering events of an electron in a nanometre: 1 over the mean free path.

        Source: the cross-section per atom of Langmore and Smith, Ultramicroscopy 46 (1992) 349,
        1.4e-6 nm² Z^1.5 / β² (1 - 0.26 Z / (137 β)). Crystals scatter more or less than this, which
        is diffraction contrast.

        Examples
        --------
        >>> round(MATERIALS["Au"].elastic_per_nm(200) / MATERIALS["carbon"].elastic_per_nm(200))
        22
        """
        beta = relative_speed(energy_kv)

        def cross_section(z: int) -> float:
            return 1.4e-6 * z**1.5 / beta**2 * (1 - 0.26 * z / (FINE_STRUCTURE * beta))

        per_unit = sum(n * cross_section(ELEMENTS[name][0]) for name, n in self.formula.items())
        return self.units_per_nm3 * per_unit

    def annular_per_nm(self, energy_kv: float, *, exponent: float, of_gold: float) -> float:
        """Events in a nanometre that reach an annular detector: proportional to Z^exponent.

        Parameters
        ----------
        exponent
            Of the atomic number: 1.6 to 2 at high angles, 1.2 to 1.5 at low ones.
        of_gold
            Share of gold's elastic scattering that the detector collects; fixes the scale.
        """
        gold = MATERIALS["Au"]
        per_gold_atom = of_gold * gold.elastic_per_nm(energy_kv) / gold.units_per_nm3
        per_unit = sum(
            n * (ELEMENTS[element][0] / 79) ** exponent for element, n in self.formula.items()
        )
        return self.units_per_nm3 * per_unit * per_gold_atom

    def phase_per_nm(self, energy_kv: float) -> float:
        """Phase shift in rad of a nanometre: inner potential times interaction constant."""
        return interaction_constant(energy_kv) * self.inner_potential


# Densities: of bulk, rounded (those of pure metals follow from their lattice constants, which a
# test checks; of Pt3Co, SnCu and FeP to some percent); 2.0 for amorphous carbon, 1.9 for carbon
# black, 3.0 for a deposited nitride. Inner potentials: rounded estimates; a few volts more or less
# change grain and rims, not the truth.
MATERIALS: dict[str, Material] = {
    "Au": Material(19.3, {"Au": 1}, 29.0),
    "Pt": Material(21.45, {"Pt": 1}, 29.0),
    "Pt3Co": Material(18.2, {"Pt": 3, "Co": 1}, 28.0),
    "Pd": Material(12.02, {"Pd": 1}, 25.0),
    "Ag": Material(10.49, {"Ag": 1}, 23.0),
    "Rh": Material(12.41, {"Rh": 1}, 26.0),
    "Ru": Material(12.37, {"Ru": 1}, 26.0),
    "Cu": Material(8.96, {"Cu": 1}, 22.0),
    "Ni": Material(8.91, {"Ni": 1}, 22.0),
    "Co": Material(8.86, {"Co": 1}, 22.0),
    "SnCu": Material(8.3, {"Sn": 1, "Cu": 1}, 20.0),
    "FeP": Material(6.1, {"Fe": 1, "P": 1}, 18.0),
    "Fe3O4": Material(5.17, {"Fe": 3, "O": 4}, 17.0),
    "CeO2": Material(7.22, {"Ce": 1, "O": 2}, 18.0),
    "TiO2": Material(4.23, {"Ti": 1, "O": 2}, 15.0),
    "ZnO": Material(5.61, {"Zn": 1, "O": 1}, 16.0),
    "CdSe": Material(5.82, {"Cd": 1, "Se": 1}, 14.0),
    "PbS": Material(7.6, {"Pb": 1, "S": 1}, 17.0),
    "silica": Material(2.2, {"Si": 1, "O": 2}, 10.0),
    "alumina": Material(3.6, {"Al": 2, "O": 3}, 14.0),
    "carbon": Material(2.0, {"C": 1}, 8.0),
    "carbon-black": Material(1.9, {"C": 1}, 8.0),
    "graphite": Material(2.26, {"C": 1}, 9.0),
    "silicon-nitride": Material(3.0, {"Si": 3, "N": 4}, 12.0),
    "ionomer": Material(2.0, {"C": 1, "F": 2}, 9.0),
}


def check_material(name: str) -> None:
    """Check a name that stands in settings.

    Raises
    ------
    ValueError
        If the table does not have it.
    """
    if name not in MATERIALS:
        raise ValueError(f"no material {name!r}; there are {', '.join(MATERIALS)}")


def relative_speed(energy_kv: float) -> float:
    """Speed of the electrons over that of light."""
    return float(np.sqrt(1 - (1 + energy_kv / REST_ENERGY_KEV) ** -2))
