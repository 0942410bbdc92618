"""What the columns of simulated data sets mean: for the reference page, which tests compare."""

# Columns of ``imaging.csv`` that belong together, and what they hold.
IMAGING = {
    "image": "Name of the files.",
    "group": "The structure; images of one group share atoms or bodies.",
    "frame": "Number within a movie or a series; 0 for a still.",
    "pixel_size_nm": "Pixel size of the image in nm.",
    "modality": "`bf-tem`, `bf-stem`, `haadf`, `laadf` or `phase`.",
    "microscope": "Entry of `[optics.NAME]` that was drawn.",
    "particle_material, materials": "What particles are made of.",
    "support, support_material, support_nm": "Kind, material and mean thickness in nm.",
    "median_diameter_nm": "Median diameter that particles were drawn with, in nm.",
    "atoms": "Number of atoms in the cell.",
    "energy_kv": "Of the electrons, in kV.",
    "stopped, veil, rim_limit, speckle, blur_px": "As the settings of `[modality]`.",
    "z_exponent, collected_of_gold": "`exponent` and `of_gold` of `[modality.haadf]`.",
    "defocus_nm": "Defocus in nm; positive for an underfocus.",
    "cs_mm": "Spherical aberration in mm.",
    "astigmatism_nm, coma_nm, trefoil_nm": "Aberrations C12, C21 and C23 in nm.",
    "astigmatism_deg, coma_deg, trefoil_deg": "Their directions in degrees.",
    "focal_spread_nm, image_spread_nm": "Standard deviations in nm of defocus and of position.",
    "convergence_mrad, aperture_mrad": "Half-angles in mrad.",
    "contrast": "Factor on the modulation of the image.",
    "sampling_nm, slice_nm, light_slice_nm, frozen_phonons, focal_steps": "Of the multislice.",
    "illumination_slope, illumination_deg, illumination_curvature": "Of the uneven beam.",
    "atom_contrast": "Whether atoms are `white` or `black` in the noise-free image.",
    "enlarged, gamma": "Factor of enlargement after the exposure; exponent of the grey levels.",
    "detector_pixel_size_nm": "Pixel size before the enlargement, in nm.",
    "detector": "`counting`, `scintillator` or `stem`.",
    "dose_e_per_A2, dose_e_per_px": "Electrons on a square angstrom; on a pixel of the detector.",
    "efficiency": "Share of electrons that is recorded.",
    "readout_e": "Standard deviation of the read-out noise, electrons a pixel.",
    "mtf_half, mtf_power, mtf_floor, mtf_binning, mtf_noise_widening": "Of the camera's blur.",
    "gain_pattern, gain_stripes": "Standard deviation of the gain of pixels and of columns.",
    "probe_fwhm_nm, probe_tail_share, probe_tail_nm": "Of the scanned probe.",
    "line_noise, row_jitter_px": "Of the scan.",
    "drift_down, drift_right": "Drift during a scanned frame over the frame's height.",
    "output_format, output_scaling, output_gain, output_level, output_offset, output_black, "
    "output_white, output_jpeg_quality": "As the settings of `[detector.output]`.",
    "xrays_per_mpx, xray_e, xray_tail, xray_clusters, dead_per_mpx, dead_columns":
        "As the settings of `[detector.blemishes]`.",
    "amount_unit": "Unit of the files in `amount/`: `rad` or `nm`.",
    "time_s": "Since the first frame, in s.",
    "specimen_moved_down_nm, specimen_moved_right_nm": "Drift of the stage since the first frame.",
    "ripening_law, ripening_constant": "Law and K; unit as in `[ripening]`.",
    "critical_diameter_nm": "Diameter of a particle that neither grows nor shrinks, in nm.",
    "diffusivity_nm2_s, coalescence_time_s, reference_diameter_nm":
        "D_ref, tau and the diameter for which they are stated.",
    "turns_per_s": "As the setting.",
    "height_over_diameter": "Height of particles over their diameter.",
    "region_height_nm, region_width_nm": "Size of the simulated region in nm.",
    "region_particles, region_sum_d3_nm3": "Particles in it, and the sum of their d^3 in nm^3.",
}  # fmt: skip

# Folder in ``tables/``, what has a row, and the columns.
OWN_TABLES = (
    ("atoms", "`graphene`: every atom in the image",
     "`atom` number from 0, `y_nm`, `x_nm`, `element`, `neighbours` how many, `grain`, "
     "`in_odd_ring` whether it is part of a ring of other than six, `in_contamination`"),
    ("bonds", "`graphene`: every bond",
     "`atom_a`, `atom_b`, `y_nm`, `x_nm` of its middle, `length_nm`, `angle_deg` 0 to 180, "
     "`in_contamination`"),
    ("rings", "`graphene`: every whole ring",
     "`ring` number from 0, `y_nm`, `x_nm`, `size` atoms, `angle_deg` of its bonds modulo 60 "
     "(blank unless it is a hexagon), `grain`, `in_contamination`"),
    ("grains", "`graphene`: every grain in the image",
     "`grain`, `angle_deg` of its bonds, `area_nm2` within the image"),
    ("boundaries", "`graphene`: points on the centre lines of grain boundaries",
     "`y_nm`, `x_nm`, `grain_a`, `grain_b`, `turn_deg` misorientation, `in_contamination`"),
    ("tracks", "`coarsening`: every particle in every frame",
     "`particle`, `frame`, `time_s`, `y_nm`, `x_nm`, `diameter_nm` of its outline, `volume_nm3` of "
     "its own, `merging` whether it coalesces, `touches_border`"),
    ("events", "`coarsening`: what happened between two frames",
     "`frame_before`, `frame_after`, `time_s`, `kind` (`merge`, `vanish`, `appear`, `leave`, "
     "`enter`), `particle`, `into` the particle it merges with (else 0), `volume_before_nm3`, "
     "`into_before_nm3`, `volume_after_nm3`, `y_nm`, `x_nm`, `in_frame` whether the particle "
     "was in view"),
)  # fmt: skip
