/// The grammar of profiles: what is read, what is refused and by which name.
#include "reclm/instruct/grammar.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "reclm/core/philox.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;

namespace {

const Profile kSports{{"Sports fan", "Traveler"}, {"NBA", "Road trips", "Food"}};

ProfileFault strict_fault(std::string_view text) { return read_profile(text, {.strict = true}).fault; }
ProfileFault fault(std::string_view text) { return read_profile(text).fault; }

}  // namespace

TEST_CASE("a profile is written in one way and read back, strictly too") {
  const std::string text = format_profile(kSports);
  CHECK(text == "User identity: Sports fan, Traveler; User interests: NBA, Road trips, Food");
  for (const bool strict : {false, true}) {
    CHECK(read_profile(text, {.strict = strict}).profile == kSports);
    CHECK(read_profile(text, {.strict = strict}).valid());
    CHECK(read_profile(text + ".", {.strict = strict}).profile == kSports);
    CHECK(read_profile(text + ".", {.strict = strict}).valid());
  }
}

TEST_CASE("a tolerant reading takes what models make of the form") {
  const std::vector<std::string> variants{
      "user identity: Sports fan, Traveler; user interests: NBA, Road trips, Food.",
      "Sure! Here is the profile:\n\nUser identity: Sports fan, Traveler; User interests: NBA, Road trips, Food",
      "**User Identities:** Sports fan, Traveler\n**User Interests:** NBA, Road trips, Food\n\nI hope that helps, "
      "friend.",
      "User identity:\n- Sports fan\n- Traveler\n\nUser interests:\n1. NBA\n2. Road trips\n3. Food",
      "User identity: [Sports fan], [Traveler]; User interests: [NBA], [Road trips], [Food].",
      "User identity: \"Sports fan\", \"Traveler\". User interests: \"NBA\", \"Road trips\", and \"Food\"",
      "Identity: Sports fan, sports fan, Traveler, ; Interests: NBA, NBA, Road trips, Food",
      "User identity : Sports fan , Traveler ; User interest: NBA,Road trips,Food\nUser identity: Nobody"};
  for (const std::string& text : variants) {
    INFO(text);
    CHECK(read_profile(text).valid());
    CHECK(read_profile(text).profile == kSports);
    CHECK(!read_profile(text, {.strict = true}).valid());
  }
  const auto bracketed = read_profile("User identity: Fan (of jazz, mostly), Cook; User interests: Food").profile;
  CHECK(bracketed.identities == std::vector<std::string>{"Fan (of jazz, mostly)", "Cook"});
}

TEST_CASE("a tolerant reading takes no words from entries, and none that the grammar forbids") {
  const auto read = [](std::string_view text) {
    const ProfileReading reading = read_profile(text);
    CHECK(reading.valid());
    return format_profile(reading.profile);
  };
  CHECK(read("User identity: Sports fan; Traveler; User interests: NBA; Road trips; Food") == format_profile(kSports));
  CHECK(read("User identity: [Sports fan, Traveler]; User interests: [NBA, Road trips, Food]") ==
        format_profile(kSports));
  CHECK(read("User identity: Fan [of jazz], Cook; User interests: Food") ==
        "User identity: Fan of jazz, Cook; User interests: Food");
  CHECK(read("User identity:\n- Fan (of jazz\n- Cook\nUser interests: Tea, (late) suppers") ==
        "User identity: Fan (of jazz), Cook; User interests: Tea, (late) suppers");
  // What looks like a mark can be a name in the exact form, unless all of several entries have one.
  for (const std::string text :
       {"User identity: .NET developer, 1. FC fan; User interests: 2. Bundesliga",
        "User identity: Fan; User interests: The musical \"Cats\", and Then There Were None, Tea",
        "User identity: Fan; User interests: - Minus"}) {
    CHECK(read(text) == text);
    CHECK(read(text + ".\n") == text);
  }
  CHECK(read("User identity: 1. Fan, 2. Cook; User interests: \"Tea\", \"Soup\", and \"Rice\"") ==
        "User identity: Fan, Cook; User interests: Tea, Soup, Rice");
  // Another profile behind it is no part of the last entry.
  CHECK(read("User identity: Fan; User interests: Tea User identity: Cook") ==
        "User identity: Fan; User interests: Tea");
  CHECK(read("User identity: Fan; User interests: Tea, Soup; User habits: Naps, Walks; User goals: Rest") ==
        "User identity: Fan; User interests: Tea, Soup");
  CHECK(format_profile({{"Fan"}, {"Acme Inc."}}) == "User identity: Fan; User interests: Acme Inc..");
}

TEST_CASE("what a tolerant reading takes is read the same, strictly, once it is written") {
  const std::vector<std::string> pieces{"User identity: ",
                                        "; User interests: ",
                                        "\n**Interests:**",
                                        "identity",
                                        "interests:",
                                        ", ",
                                        ",",
                                        "; ",
                                        ";",
                                        "\n",
                                        "\r\n",
                                        "\n\n",
                                        " ",
                                        ".",
                                        "...",
                                        "[",
                                        "]",
                                        "(",
                                        ")",
                                        "\"",
                                        "*",
                                        "_",
                                        "- ",
                                        "1. ",
                                        "2) ",
                                        "and ",
                                        "Tea",
                                        "tea",
                                        "Road trips",
                                        "1. FC fan",
                                        ".NET",
                                        "caf\xC3\xA9"};
  const auto all = static_cast<std::uint32_t>(pieces.size());
  Index valid = 0;
  for (std::uint32_t trial = 0; trial < 20000; ++trial) {
    RandomSequence random(Random(11, Stream::evaluation, trial));
    const auto some = [&](std::uint32_t most) {
      std::string text;
      for (std::uint32_t n = random.below(most); n > 0; --n) text += pieces[random.below(all)];
      return text;
    };
    std::string text = some(3);
    text += pieces[0];
    text += some(9);
    text += pieces[1 + random.below(2)];
    text += some(9);
    const ProfileReading reading = read_profile(text);
    if (!reading.valid()) continue;
    ++valid;
    const std::string written = format_profile(reading.profile);
    const ProfileReading again = read_profile(written, {.strict = true});
    INFO(text << "\n→ " << written << "\n" << fault_name(again.fault));
    REQUIRE(again.valid());
    REQUIRE(again.profile == reading.profile);
  }
  CHECK(valid > 5000);
}

TEST_CASE("what is no profile is refused by the name of its fault") {
  CHECK(fault("") == ProfileFault::empty);
  CHECK(fault(" \n\t") == ProfileFault::empty);
  CHECK(fault(".") == ProfileFault::no_identities);
  CHECK(fault("The user likes sports.") == ProfileFault::no_identities);
  CHECK(fault("User identity: ") == ProfileFault::no_interests);
  CHECK(fault("User identity: Fan, Cook") == ProfileFault::no_interests);
  CHECK(fault("User interests: NBA; User identity: Fan") == ProfileFault::no_interests);
  CHECK(fault("User identity: ; User interests: NBA") == ProfileFault::too_few);
  CHECK(fault("User identity: Fan; User interests: ") == ProfileFault::too_few);
  CHECK(fault("User identity: a, b, c, d, e, f, g; User interests: x") == ProfileFault::too_many);
  CHECK(fault("User identity: Fan; User interests: " + std::string(85, 'x')) == ProfileFault::long_entry);
  CHECK(fault("User identity: [identity 1], [identity 2]; User interests: [interest 1]") == ProfileFault::echoed_form);
  CHECK(fault("User identity: Fan, identity 2; User interests: NBA") == ProfileFault::echoed_form);
  CHECK(fault("User identity: Fan; User interests: Identity politics, Interest rates 2024") == ProfileFault::none);
  CHECK(strict_fault("User identity: Fan; User interests: interest") == ProfileFault::echoed_form);
  CHECK(fault("identity theft: a; interesting: b") == ProfileFault::no_identities);
  std::string endless = "User identity: ";
  for (int k = 0; k < 100000; ++k) endless += "entry " + std::to_string(k) + ", ";
  CHECK(fault(endless + "; User interests: x") == ProfileFault::no_interests);  // beyond what is looked at
  CHECK(fault("User identity: x; User interests: " + endless.substr(15)) == ProfileFault::too_many);

  CHECK(strict_fault("User identity: Fan, fan; User interests: NBA") == ProfileFault::repeated_entry);
  CHECK(strict_fault("User identity: Fan; User interests: NBA and\nmore, x") == ProfileFault::not_the_form);
  // Behind some chat templates every answer begins with a blank.
  CHECK(strict_fault(" User identity: Fan; User interests: NBA") == ProfileFault::none);
  CHECK(strict_fault("\n User identity: Fan; User interests: NBA.\r\n") == ProfileFault::none);
  CHECK(strict_fault("User identity: Fan;  User interests: NBA") == ProfileFault::not_the_form);
  CHECK(strict_fault("User Identity: Fan; User interests: NBA") == ProfileFault::not_the_form);
  CHECK(strict_fault("User identity: Fan,Cook; User interests: NBA") == ProfileFault::not_the_form);
  CHECK(read_profile("User identity: Fan; User interests: Acme Inc., and more.", {.strict = true}).profile.interests ==
        std::vector<std::string>{"Acme Inc.", "and more"});
}

TEST_CASE("an entry that max_tokens cut off makes no profile, lists that had ended do") {
  const std::string cut(1, kCutOff);
  for (const std::string text :
       {"User identity: Fan; User interests: opera, mus", "User identity: Fan; User interests: opera, ",
        "user identities: Fan\nInterests: opera.", "User identity: Fan; User interests: "}) {
    INFO(text);
    CHECK(fault(text + cut) == ProfileFault::cut_off);
    CHECK(strict_fault(text + cut) == ProfileFault::cut_off);
  }
  CHECK(fault("User identity: Fan, Co" + cut) == ProfileFault::no_interests);
  for (const std::string behind : {"\n\nI ho", "\nUser identity: F", "; User habits: n"})
    CHECK(format_profile(read_profile("User identity: Fan; User interests: opera" + behind + cut).profile) ==
          "User identity: Fan; User interests: opera");
}

TEST_CASE("rules say how many entries there are, and count what breaks them") {
  const GrammarRules three{.least = 3, .most = 3, .strict = true};
  CHECK(read_profile("User identity: a, b, c; User interests: x, y, z", three).valid());
  GrammarCounts counts;
  const auto readings = read_profiles({"User identity: a, b, c; User interests: x, y, z",
                                       "User identity: a; User interests: x", "nothing", "nothing at all"},
                                      counts, three);
  CHECK(readings.size() == 4);
  CHECK(counts.valid() == 1);
  CHECK(counts.total() == 4);
  CHECK(counts.valid_rate() == 0.25);
  CHECK(counts.text() == "1 of 4 valid; 2 no \"User identity:\", 1 too few entries");
  CHECK(GrammarCounts{}.valid_rate() == 1.0);
  CHECK_THROWS_AS(read_profile("x", {.least = 0}), ConfigError);
  CHECK_THROWS_AS(read_profile("x", {.least = 3, .most = 2}), ConfigError);
}

TEST_CASE("the profiles that GPT wrote for MIND are read, but for sentences and copies of the form") {
  const char* root = std::getenv("RECLM_DATA");
  const auto folder = std::filesystem::path(root != nullptr ? root : RECLM_SOURCE_DIR "/../shared/data") / "mind";
  const auto count = [](const GrammarCounts& counts, ProfileFault which) {
    return counts.of[static_cast<std::size_t>(which)];
  };
  for (const auto& [name, texts, sentences, echoes, repeats] :
       {std::tuple("user_profiles.jsonl", 1694, 26, 1, 0), std::tuple("item_profiles.jsonl", 892, 0, 1, 24)}) {
    std::ifstream file(folder / name);
    if (!file) {
      WARN("MIND is not here; set RECLM_DATA to the folder that holds mind/");
      return;
    }
    GrammarCounts tolerant, exact;
    for (std::string line; std::getline(file, line);) {
      const auto begin = line.find("\"User identity"), end = line.rfind('"');
      const std::string text = line.substr(begin + 1, end - begin - 1);
      tolerant.add(read_profile(text).fault);
      exact.add(read_profile(text, {.strict = true}).fault);
    }
    INFO(name << ": " << tolerant.text() << "; strictly " << exact.text());
    CHECK(tolerant.total() == texts);
    CHECK(count(tolerant, ProfileFault::long_entry) == sentences);
    CHECK(count(tolerant, ProfileFault::echoed_form) == echoes);
    CHECK(tolerant.valid() == texts - sentences - echoes);
    CHECK(exact.valid() == texts - sentences - echoes - repeats);
    CHECK(count(exact, ProfileFault::repeated_entry) == repeats);
  }
}
