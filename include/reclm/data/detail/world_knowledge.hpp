#pragma once
/// @file world_knowledge.hpp
/// Vocabulary 1 of the embedded world: science, work and public life. 22 topics of 3 interests, none of them in
/// vocabulary 0.

#include "reclm/data/detail/world_vocabulary.hpp"

namespace reclm::detail {

inline constexpr InterestWords kKnowledgeWords[] = {
    {"astronomy", "exoplanets", "exoplanet watcher",
     "transits host_stars habitable_zones spectrographs super_earths orbits telescope_arrays dwarf_stars light_curves "
     "gas_giants"},
    {"astronomy", "space missions", "spaceflight follower",
     "rockets launch_windows rovers astronauts probes lunar_landers payloads capsules mission_control heat_shields"},
    {"astronomy", "cosmology", "cosmology reader",
     "dark_matter galaxies redshifts black_holes inflation background_radiation supernovae quasars expansion_rates "
     "gravitational_waves"},
    {"physics", "particle physics", "particle physicist",
     "colliders quarks neutrinos detectors bosons beam_lines decays muons symmetries cross_sections"},
    {"physics", "quantum computing", "quantum engineer",
     "qubits error_correction entanglement superconductors quantum_gates cryostats ion_traps decoherence "
     "quantum_circuits photons"},
    {"physics", "materials science", "materials scientist",
     "graphene alloys polymers crystals ceramics nanotubes semiconductors thin_films composites fatigue_cracks"},
    {"biology", "genetics", "geneticist",
     "genomes mutations gene_editing chromosomes sequencing heredity alleles stem_cells proteins fruit_flies"},
    {"biology", "marine biology", "marine biologist",
     "plankton deep_sea_vents jellyfish seagrass squid fisheries kelp tidal_pools sharks ocean_currents"},
    {"biology", "ornithology", "bird watcher",
     "warblers nests binoculars feathers flyways bird_ringing owls songbirds wetlands raptors"},
    {"medicine", "vaccines", "immunologist",
     "antibodies clinical_trials booster_doses outbreaks immune_cells viruses side_effects cold_chains adjuvants "
     "herd_immunity"},
    {"medicine", "surgery", "surgeon",
     "scalpels operating_theatres transplants anaesthesia sutures keyhole_procedures implants wards surgical_robots "
     "incisions"},
    {"medicine", "nursing", "nurse",
     "night_shifts patients hospital_beds care_plans staffing_ratios triage discharge_letters bedside_manners "
     "home_visits medication_rounds"},
    {"nutrition", "gut health", "gut health reader",
     "microbiomes probiotics fibre fermentation digestion bacteria enzymes bowel_studies prebiotics food_intolerances"},
    {"nutrition", "sports nutrition", "sports dietitian",
     "electrolytes creatine glycogen meal_timing supplements hydration amino_acids energy_gels body_composition "
     "caffeine"},
    {"nutrition", "food safety", "food inspector",
     "recalls allergens salmonella labels inspections storage_temperatures hygiene_rules contaminants expiry_dates "
     "laboratories"},
    {"psychology", "child development", "developmental psychologist",
     "toddlers attachment language_milestones play_therapy temperament siblings bedtime_routines motor_skills tantrums "
     "early_words"},
    {"psychology", "behavioural economics", "behavioural economist",
     "nudges biases incentives loss_aversion default_options field_experiments heuristics framing_effects self_control "
     "choices"},
    {"psychology", "sleep research", "sleep researcher",
     "dreams circadian_rhythms insomnia melatonin sleep_stages nap_studies blue_light alarm_clocks snoring jet_lag"},
    {"history", "ancient rome", "roman history reader",
     "emperors legions aqueducts gladiators senators forums mosaics provinces latin_inscriptions consuls"},
    {"history", "medieval europe", "medievalist",
     "knights monasteries plagues guilds crusades manuscripts feudal_lords sieges cathedral_builders tapestries"},
    {"history", "cold war", "cold war historian",
     "spies missiles iron_curtains summits embassies defectors checkpoints nuclear_treaties propaganda proxy_wars"},
    {"archaeology", "egyptology", "egyptologist",
     "pyramids mummies hieroglyphs tombs pharaohs papyri sarcophagi temples amulets obelisks"},
    {"archaeology", "shipwrecks", "wreck diver",
     "sunken_cargoes divers amphorae sonar_scans cannons seabeds hulls salvage_rights gold_coins log_books"},
    {"archaeology", "cave art", "prehistory reader",
     "ochre_paintings stone_tools mammoths hand_stencils radiocarbon_dates neanderthals rock_shelters bone_flutes "
     "hunters ice_ages"},
    {"politics", "elections", "election watcher",
     "ballots polls swing_states turnout campaign_rallies candidates primaries recounts voters debates"},
    {"politics", "local government", "local councillor",
     "mayors councils zoning budgets bin_collections planning_permits town_halls bus_subsidies property_taxes "
     "public_hearings"},
    {"politics", "foreign policy", "diplomacy analyst",
     "sanctions alliances ambassadors peace_talks treaties ceasefires trade_blocs envoys border_disputes resolutions"},
    {"law", "human rights", "rights advocate",
     "refugees asylum_claims tribunals prisoners_of_conscience free_speech discrimination petitions conventions "
     "detention protests"},
    {"law", "intellectual property", "patent attorney",
     "patents trademarks copyrights licences infringement royalties prior_art trade_secrets filings lawsuits"},
    {"law", "criminal justice", "criminal lawyer",
     "juries sentencing bail forensic_evidence prosecutors appeals witnesses prisons plea_deals parole"},
    {"economy", "inflation and rates", "macro economist",
     "central_banks interest_rates consumer_prices wages bond_yields money_supply mortgages forecasts recessions "
     "exchange_rates"},
    {"economy", "world trade", "trade economist",
     "tariffs containers exports supply_chains ports customs freight_rates shipping_lanes quotas imports"},
    {"economy", "labour markets", "labour economist",
     "strikes unions minimum_wages job_vacancies gig_workers pensions layoffs overtime apprenticeships remote_work"},
    {"investing", "stock picking", "stock investor",
     "dividends earnings_reports shares valuations balance_sheets bull_markets brokers short_sellers price_targets "
     "cash_flows"},
    {"investing", "cryptocurrency", "crypto trader",
     "blockchains token_sales wallets miners stablecoins exchanges smart_contracts ledgers halvings "
     "decentralised_finance"},
    {"investing", "real estate", "property investor",
     "rents landlords house_prices mortgage_lenders floor_plans vacancies refurbishments deposits tenants city_lots"},
    {"startups", "venture capital", "venture investor",
     "seed_rounds term_sheets founders exits unicorns pitch_decks accelerators valuation_caps limited_partners "
     "due_diligence"},
    {"startups", "small business", "shop owner",
     "invoices franchises bookkeeping storefronts loyal_customers suppliers cash_registers payrolls local_advertising "
     "opening_hours"},
    {"startups", "product management", "product manager",
     "roadmaps user_interviews prototypes backlogs feature_requests pricing_tiers churn onboarding release_notes "
     "retention"},
    {"programming", "systems programming", "systems programmer",
     "compilers memory_leaks kernels threads pointers linkers debuggers cache_lines allocators profilers"},
    {"programming", "web development", "web developer",
     "browsers style_sheets front_ends javascript_frameworks page_loads accessibility forms cookies web_servers "
     "responsive_layouts"},
    {"programming", "databases", "database engineer",
     "queries indexes transactions joins replication schemas backups query_planners sharding storage_engines"},
    {"robotics", "industrial robots", "automation engineer",
     "robot_arms assembly_lines grippers welding_cells conveyors programmable_controllers safety_fences servo_motors "
     "pick_and_place factories"},
    {"robotics", "drones", "drone pilot",
     "quadcopters propellers aerial_surveys flight_controllers no_fly_zones gimbals swarms battery_packs "
     "delivery_trials landing_pads"},
    {"robotics", "self-driving vehicles", "autonomy engineer",
     "lidar lane_markings robotaxis perception road_tests pedestrians sensor_fusion disengagements parking_manoeuvres "
     "steering"},
    {"machine learning", "language models", "language model researcher",
     "prompts tokens transformers fine_tuning benchmarks hallucinations chatbots embeddings training_corpora "
     "context_windows"},
    {"machine learning", "computer vision", "vision researcher",
     "images convolutions segmentation_masks bounding_boxes face_recognition optical_flow annotations medical_scans "
     "augmentation depth_maps"},
    {"machine learning", "recommender systems", "recommendation engineer",
     "rankings click_logs cold_starts collaborative_filters user_profiles item_catalogues feedback_loops playlists "
     "matrix_factors offline_metrics"},
    {"energy", "solar power", "solar installer",
     "photovoltaic_panels inverters rooftop_arrays feed_in_tariffs perovskites sunlight solar_farms grid_connections "
     "silicon_wafers net_metering"},
    {"energy", "nuclear power", "nuclear engineer",
     "reactors uranium cooling_towers fuel_rods small_modular_designs waste_storage turbines containment neutrons "
     "decommissioning"},
    {"energy", "wind farms", "wind technician",
     "blades offshore_platforms gusts gearboxes nacelles substations wind_speeds towers export_cables "
     "maintenance_vessels"},
    {"climate", "climate science", "climate scientist",
     "greenhouse_gases warming_scenarios ice_cores sea_levels carbon_budgets permafrost aerosols feedbacks "
     "climate_models heatwaves"},
    {"climate", "weather", "weather observer",
     "storms hurricanes forecast_maps rainfall cold_fronts radar_images thunder snowfall pressure_systems tornadoes"},
    {"climate", "conservation", "conservationist",
     "endangered_species national_parks poaching rewilding habitats wolves biodiversity seed_banks rangers "
     "wildlife_corridors"},
    {"agriculture", "crop farming", "crop farmer",
     "wheat irrigation combine_harvesters fertilisers yields maize pests crop_rotation grain_silos drought"},
    {"agriculture", "livestock", "livestock farmer",
     "cattle dairies pastures sheep veterinary_checks feed milking_parlours pigs manure auctions"},
    {"agriculture", "wine growing", "winemaker",
     "vineyards grapes barrel_cellars tannins vintages cork harvest_dates terroir sommeliers pinot_noir"},
    {"aviation", "airliners", "aviation enthusiast",
     "cockpits jet_engines wide_bodies runways cabin_crews airline_fleets wingtips delays fuel_burn boarding"},
    {"aviation", "air safety", "air safety expert",
     "crash_investigations flight_recorders pilot_errors near_misses maintenance_logs turbulence emergency_landings "
     "air_traffic_control checklists bird_strikes"},
    {"aviation", "general aviation", "private pilot",
     "propeller_planes gliders grass_airfields flight_lessons licence_exams crosswinds hangars instrument_ratings "
     "seaplanes avionics"},
    {"architecture", "urban planning", "urban planner",
     "pedestrian_streets housing_density parks bike_lanes suburbs transit_hubs master_plans noise_maps plazas "
     "sidewalks"},
    {"architecture", "timber buildings", "timber architect",
     "cross_laminated_panels beams facades carpenters wooden_towers load_tests prefabrication roofs fire_resistance "
     "sawmills"},
    {"architecture", "bridges", "bridge engineer",
     "spans cable_stays arches pylons expansion_joints bridge_inspections toll_crossings foundations suspension_decks "
     "girders"},
    {"education", "early schooling", "primary teacher",
     "classrooms phonics times_tables lunch_breaks reading_levels homework parent_evenings report_cards playgrounds "
     "school_uniforms"},
    {"education", "universities", "university lecturer",
     "lectures tuition_fees seminars theses campuses admissions tenure scholarships peer_review graduates"},
    {"education", "language learning", "language learner",
     "verbs flashcards pronunciation exchange_partners grammar accents vocabulary_lists immersion dictionaries "
     "subtitles"},
};

}  // namespace reclm::detail
