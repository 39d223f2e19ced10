#pragma once
/// @file world_leisure.hpp
/// Vocabulary 0 of the embedded world: what people do in their free time. 22 topics of 3 interests.

#include "reclm/data/detail/world_vocabulary.hpp"

namespace reclm::detail {

inline constexpr InterestWords kLeisureWords[] = {
    {"cooking", "bread baking", "home baker",
     "sourdough flour ovens loaves yeast crusts rye_bread baguettes proofing_baskets dough"},
    {"cooking", "street food", "street food fan",
     "noodles dumplings tacos skewers night_markets chili_oil food_carts curries flatbreads broth"},
    {"cooking", "vegetarian recipes", "vegetarian cook",
     "lentils chickpeas tofu salads roasted_vegetables grains mushrooms herbs stews hummus"},
    {"gardening", "vegetable gardens", "kitchen gardener",
     "tomatoes seedlings compost raised_beds beans squash pumpkins garden_soil mulch harvests"},
    {"gardening", "rose growing", "rose grower",
     "roses blooms pruning_shears petals climbing_plants thorns fragrant_varieties rootstocks trellises buds"},
    {"gardening", "indoor plants", "houseplant keeper",
     "ferns succulents pots monstera_leaves window_sills cuttings cacti humidity repotting orchids"},
    {"football", "league football", "football supporter",
     "strikers penalties league_tables transfers goalkeepers derbies midfielders stadiums coaches relegation"},
    {"football", "college football", "college football fan",
     "quarterbacks touchdowns bowl_games recruits rivalries halftime_bands linebackers conference_titles kickoffs "
     "tailgates"},
    {"football", "youth football", "youth coach",
     "training_drills junior_squads passing_games pitches referee_whistles school_teams shin_pads talent_scouts "
     "tournaments weekend_matches"},
    {"running", "marathon training", "marathon runner",
     "long_runs race_plans tapering pace_groups finish_lines carbohydrates blisters mile_markers running_shoes "
     "recovery_weeks"},
    {"running", "trail running", "trail runner",
     "mountain_paths ultramarathons elevation_gain muddy_tracks headlamps aid_stations ridge_lines poles trail_shoes "
     "descents"},
    {"running", "track athletics", "track athlete",
     "sprints hurdles relays starting_blocks lap_times javelins high_jumps stopwatches spikes steeplechase"},
    {"cycling", "road racing", "racing cyclist",
     "pelotons sprinters climbs time_trials breakaways yellow_jerseys cobblestones team_cars stage_wins carbon_frames"},
    {"cycling", "mountain biking", "mountain biker",
     "singletrack suspension_forks bike_parks jumps berms downhill_lines helmets trail_centres knobbly_tyres drops"},
    {"cycling", "bicycle touring", "touring cyclist",
     "panniers cycle_routes campsites long_distances maps river_paths spare_tubes saddles ferries border_crossings"},
    {"outdoors", "hiking", "hiker",
     "footpaths peaks backpacks boots huts viewpoints day_walks waymarks valleys waterfalls"},
    {"outdoors", "rock climbing", "climber",
     "ropes harnesses boulders chalk cliffs belays holds crags bolts climbing_walls"},
    {"outdoors", "wild camping", "camper",
     "tents sleeping_bags campfires stoves starry_nights hammocks tarps rain_covers forests firewood"},
    {"water sports", "sailing", "sailor", "yachts sails regattas harbours knots tides keels crews anchors headwinds"},
    {"water sports", "surfing", "surfer",
     "waves surfboards beaches swells wetsuits reefs point_breaks barrels fins shorebreaks"},
    {"water sports", "angling", "angler",
     "trout fly_rods lures rivers carp bait lakes casting salmon fishing_licences"},
    {"photography", "landscape photography", "landscape photographer",
     "tripods golden_hours wide_lenses long_exposures horizons filters sunrises panoramas clouds compositions"},
    {"photography", "street photography", "street photographer",
     "strangers shadows candid_shots black_and_white_prints small_cameras crossings reflections contact_sheets alleys "
     "crowds"},
    {"photography", "film cameras", "analogue photographer",
     "darkrooms negatives film_rolls light_meters rangefinders developers grain enlargers shutters slides"},
    {"cinema", "crime films", "crime film fan",
     "detectives heists gangsters murder_plots noir_classics police_dramas courtroom_scenes undercover_agents suspects "
     "thrillers"},
    {"cinema", "science fiction films", "science fiction fan",
     "spaceships aliens androids time_travel dystopias space_stations cloned_heroes distant_planets sequels "
     "visual_effects"},
    {"cinema", "romantic comedies", "romance film fan",
     "weddings first_dates love_letters mistaken_identities happy_endings awkward_dinners best_friends kisses "
     "matchmakers second_chances"},
    {"television", "sitcoms", "sitcom lover",
     "punchlines laugh_tracks roommates season_finales catchphrases ensemble_casts reruns writers_rooms guest_stars "
     "pilots"},
    {"television", "nature documentaries", "documentary viewer",
     "penguins savannas coral_reefs narrators migrations predators rainforests camera_traps whales polar_bears"},
    {"television", "talent shows", "talent show viewer",
     "judges auditions contestants live_votes dance_routines finalists stage_lights eliminations vocal_coaches "
     "golden_buzzers"},
    {"rock music", "heavy metal", "metal fan",
     "riffs double_bass_drums mosh_pits growls leather_jackets distortion metal_festivals guitar_solos amplifiers "
     "patches"},
    {"rock music", "indie bands", "indie listener",
     "small_venues debut_albums vinyl_singles synthesizers garage_recordings setlists record_shops lyrics support_acts "
     "tour_vans"},
    {"rock music", "guitar playing", "guitarist",
     "chords strings pickups fretboards pedals tunings scales acoustic_guitars capos fingerpicking"},
    {"classical music", "opera", "opera goer",
     "sopranos arias librettos tenors overtures opera_houses costumes choruses curtain_calls conductors"},
    {"classical music", "piano music", "pianist",
     "sonatas nocturnes grand_pianos keyboards etudes recitals fingerings metronomes concertos sheet_music"},
    {"classical music", "jazz", "jazz listener",
     "saxophones improvisation swing_rhythms trumpets standards quartets big_bands smoky_clubs bebop double_basses"},
    {"fine art", "oil painting", "painter",
     "canvases brushes pigments portraits easels varnish still_lifes palettes glazes underpaintings"},
    {"fine art", "museum visits", "museum visitor",
     "exhibitions galleries sculptures curators masterpieces audio_guides collections restorations impressionists "
     "antiquities"},
    {"fine art", "pottery", "potter", "clay kilns bowls porcelain stoneware wheels vases tiles handles studio_sales"},
    {"books", "mystery novels", "mystery reader",
     "clues inspectors locked_rooms alibis poisons red_herrings village_murders private_eyes paperbacks twists"},
    {"books", "fantasy novels", "fantasy reader",
     "dragons wizards quests swords kingdoms prophecies elves magic_systems trilogies castles"},
    {"books", "poetry", "poetry reader",
     "sonnets stanzas haiku metaphors anthologies readings rhymes verses poets translations"},
    {"video games", "strategy games", "strategy gamer",
     "empires turns tech_trees base_building diplomacy resource_management campaigns unit_upgrades skirmishes "
     "hexagons"},
    {"video games", "role playing games", "role player",
     "dungeons side_quests character_classes loot dialogue_choices parties boss_fights skill_points open_worlds "
     "companions"},
    {"video games", "online shooters", "competitive gamer",
     "headshots ranked_matches esports loadouts map_rotations snipers clans patch_notes reaction_times "
     "aim_training"},
    {"tabletop", "board games", "board gamer",
     "dice meeples expansions worker_placement rulebooks game_nights victory_points cooperative_games score_tracks "
     "card_drafting"},
    {"tabletop", "chess", "chess player",
     "openings endgames grandmasters gambits blitz_games checkmates bishops rating_lists pawns tactics_puzzles"},
    {"tabletop", "model building", "model builder",
     "scale_kits miniatures airbrushes decals locomotives dioramas glue plastic_parts railways paint_pots"},
    {"travel", "city breaks", "city traveller",
     "old_towns cafes museum_passes trams rooftops weekend_flights squares boutique_hotels cathedrals walking_tours"},
    {"travel", "rail journeys", "rail traveller",
     "night_trains sleeper_cabins dining_cars timetables stations viaducts rail_passes alpine_lines platforms "
     "couchettes"},
    {"travel", "island holidays", "beach holidaymaker",
     "lagoons palm_trees snorkels resorts sunsets boat_trips sandbars beach_bars sea_views archipelagos"},
    {"fashion", "vintage clothing", "vintage shopper",
     "thrift_stores denim second_hand_coats retro_dresses flea_markets tailoring brooches corduroy leather_bags "
     "alterations"},
    {"fashion", "sneakers", "sneaker collector",
     "limited_drops soles colourways resale_prices basketball_shoes laces collaborations queues suede raffles"},
    {"fashion", "knitting", "knitter",
     "yarn needles sweaters cable_patterns wool scarves stitches socks crochet_hooks cardigans"},
    {"home", "interior design", "design lover",
     "sofas colour_schemes rugs lamps wallpapers open_shelves minimal_rooms curtains armchairs accent_walls"},
    {"home", "woodworking", "woodworker",
     "chisels oak_boards joints workbenches planes saws dovetails sandpaper cabinets lathes"},
    {"home", "home repair", "do-it-yourselfer",
     "drills leaking_taps tiling insulation plaster paint_rollers toolboxes gutters wiring hinges"},
    {"cars", "classic cars", "classic car owner",
     "chrome carburettors roadsters restoration_projects rallies engines upholstery vintage_garages number_plates "
     "convertibles"},
    {"cars", "motor racing", "racing fan",
     "pit_stops pole_positions lap_records grands_prix safety_cars tyre_strategies drivers qualifying circuits "
     "podiums"},
    {"cars", "electric cars", "electric car driver",
     "charging_points batteries range_tests test_drives software_updates charging_cables heat_pumps kilowatts "
     "fast_chargers regenerative_brakes"},
    {"pets", "dogs", "dog owner",
     "puppies leashes dog_parks obedience_classes terriers treats shepherds walks rescue_shelters kennels"},
    {"pets", "cats", "cat owner",
     "kittens scratching_posts whiskers litter_boxes purring catnip tabbies naps feline_diets cat_trees"},
    {"pets", "aquariums", "aquarium keeper",
     "guppies fish_tanks filter_pumps corals aquatic_plants shrimp water_tests gravel clownfish air_pumps"},
    {"wellness", "yoga", "yoga practitioner",
     "poses mats breathing sun_salutations flexibility studios balance retreats headstands teacher_trainings"},
    {"wellness", "strength training", "weightlifter",
     "barbells squats deadlifts gym_plans protein dumbbells muscles bench_presses repetitions kettlebells"},
    {"wellness", "meditation", "meditator",
     "mindfulness silence cushions guided_sessions attention calm sleep_stories mantras body_scans stress_relief"},
};

}  // namespace reclm::detail
