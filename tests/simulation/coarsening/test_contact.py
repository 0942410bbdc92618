"""First contacts against simulation in small steps."""

import numpy as np
import pytest

from nanosieve.simulation.coarsening.contact import first_contact, nearest_image

REGION = np.array([30.0, 20.0])


def _brute(places, steps, radii):
    """In 4000 small steps: share and pair."""
    for share in np.linspace(0, 1, 4001):
        now = places + share * steps
        for i in range(len(now)):
            for j in range(i + 1, len(now)):
                away = now[i] - now[j]
                away = away - REGION * np.round(away / REGION)
                if np.hypot(*away) <= radii[i] + radii[j]:
                    return i, j, share
    return None


@pytest.mark.parametrize("seed", range(8))
def test_the_first_contact_is_that_of_small_steps(seed):
    rng = np.random.default_rng(seed)
    places = np.array([[5.0, 3.0], [12.0, 9.0], [22.0, 4.0], [27.0, 15.0]])
    places, steps = places + rng.uniform(-1, 1, (4, 2)), rng.normal(0, 4, (4, 2))
    radii = np.array([1.0, 1.5, 2.0, 0.8])
    found = first_contact(places, steps, radii, np.arange(4), region=REGION)
    expected = _brute(places, steps, radii)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert {found.first, found.second} == set(expected[:2])
        assert found.share == pytest.approx(expected[2], abs=5e-4)


def test_small_discs_do_not_jump_through_each_other():
    places, steps = np.array([[5.0, 2.0], [5.0, 12.0]]), np.array([[0.0, 12.0], [0.0, -4.0]])
    found = first_contact(places, steps, np.array([0.5, 0.5]), np.arange(2), region=REGION)
    assert found is not None
    assert found.share == pytest.approx(9 / 16)


def test_discs_touch_across_the_edge_of_the_region():
    places = np.array([[15.0, 0.5], [15.0, 19.5]])
    found = first_contact(places, np.zeros((2, 2)), np.ones(2), np.arange(2), region=REGION)
    assert found is not None
    assert found.share == 0
    np.testing.assert_allclose(nearest_image(places[1:] - places[:1], REGION), [[0, -1]])


def test_discs_of_one_owner_do_not_meet():
    places, still = np.array([[5.0, 5.0], [5.0, 6.0]]), np.zeros((2, 2))
    assert first_contact(places, still, np.ones(2), np.zeros(2, int), region=REGION) is None


def test_one_disc_meets_nobody():
    lone = np.array([[5.0, 5.0]])
    assert first_contact(lone, lone, np.ones(1), np.zeros(1, int), region=REGION) is None
