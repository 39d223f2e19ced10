#include "reclm/lm/byte_automaton.hpp"

#include "reclm/lm/token_constraint.hpp"
#include "support/catch.hpp"
#include "tiny_weights.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;

TEST_CASE("list automata accept the grammar's texts and no others") {
  const ByteAutomaton profile = list_automaton(ListGrammar::profile(1, 3));
  for (const std::string text :
       {"User identity: student; User interests: drama", "User identity: a, b, c; User interests: x, y",
        "User identity: retired teacher; User interests: 1990s sci-fi, Amélie, 映画"})
    CHECK(profile.accepts(text));
  for (const std::string text :
       {"", "User identity: student", "User identity: ; User interests: drama",
        "User identity: a, b, c, d; User interests: x", "user identity: a; User interests: x",
        "User identity: a; User interests: x.\n", "User identity: a,b; User interests: x",
        "User identity: a; User interests: x, ", "User identity: a  b; User interests: x",
        "User identity: a b c d e; User interests: x", "User identity: a; User interests: abcdefghijklmnopqrstu",
        "User identity: \xC3; User interests: x", "User identity: \xED\xA0\x80; User interests: x",
        "User identity: \xC0\x80; User interests: x"})
    CHECK_FALSE(profile.accepts(text));
  CHECK(profile.distances()[0] == static_cast<Index>(std::string("User identity: a; User interests: x").size()));
  CHECK_THROWS_AS(list_automaton({}), ConfigError);
  CHECK_THROWS_AS(list_automaton(ListGrammar::profile(4, 3)), ConfigError);
  CHECK_THROWS_AS(TokenConstraint(profile, TokenTexts({"a", "b"}, {})), ConfigError);
}

TEST_CASE("sections must be parted by what no entry goes on with") {
  ListGrammar grammar = ListGrammar::profile(1, 3);
  for (const char* separator : {"", " ", " / ", ",", ", ", "- ", "and ", "2", "·", "\x80"}) {
    grammar.separator = separator;
    CHECK(contains(message_of([&] { (void)list_automaton(grammar); }), "separator"));
  }
  for (const std::string separator : {";", "\n", "] [", ": ", "\" "}) {
    grammar.separator = separator;
    CHECK(list_automaton(grammar).accepts("User identity: a, b" + separator + "User interests: x"));
  }
  grammar.sections.resize(1);
  grammar.separator.clear();  // parts nothing
  CHECK(list_automaton(grammar).accepts("User identity: a, b"));
}
