/// The endpoint's client against a server in this process: answers and failures.
#include "reclm/lm/http/endpoint.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>

#include "endpoint_questions.hpp"
#include "endpoint_server.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;
using Server = LocalServer<>;

TEST_CASE("chat answers come by index, and requests say what was asked for") {
  std::mutex mutex;
  std::vector<nlohmann::json> seen;
  std::atomic<int> now{0}, most{0};
  const Server server([&](const httplib::Request& request, httplib::Response& response) {
    most = std::max(most.load(), ++now);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    {
      const std::lock_guard lock(mutex);
      seen.push_back(nlohmann::json::parse(request.body));
      CHECK(request.path == "/v1/chat/completions");
      CHECK(!request.has_header("Authorization"));
    }
    reply(response, completion("re: " + question_of(request)));
    --now;
  });
  const Endpoint endpoint(quick(server.url() + "/"));
  const auto answers =
      ask(endpoint, questions(20),
          {.max_tokens = 9, .temperature = 0.5, .stop = {"\n"}, .extra = R"({"repetition_penalty": 1.3})"});
  REQUIRE(answers.size() == 20);
  for (const auto& [k, text] : answers) CHECK(text == "re: question " + std::to_string(k));
  CHECK(most <= 3);
  CHECK(most > 1);
  const auto& body = seen.front();
  CHECK(body["model"] == "m");
  CHECK(body["max_tokens"] == 9);
  CHECK(body["temperature"] == 0.5);
  CHECK(body["repetition_penalty"] == 1.3);
  CHECK(body["stop"][0] == "\n");
  CHECK(body["seed"] == 7);
  CHECK(body["messages"][0]["content"] == "Be \"brief\".");
  CHECK(ask(endpoint, {}).empty());

  // What max_tokens cut off is marked, where that is asked for.
  const Server short_of_breath([&](const httplib::Request&, httplib::Response& response) {
    reply(response, R"({"choices": [{"message": {"content": "to be co"}, "finish_reason": "length"}]})");
  });
  const Endpoint cut(quick(short_of_breath.url()));
  CHECK(ask(cut, questions(1)).at(0) == "to be co");
  CHECK(ask(cut, questions(1), {.cut_off = "~"}).at(0) == "to be co~");
  const Server thinking([&](const httplib::Request&, httplib::Response& response) {
    reply(response, R"({"choices": [{"message": {"content": null}, "finish_reason": "length"}]})");
  });
  CHECK(ask(Endpoint(quick(thinking.url())), questions(1), {.cut_off = "~"}).at(0) == "~");
}

TEST_CASE("refused, failing and broken answers are asked for again") {
  std::mutex mutex;
  std::map<std::string, int> times;
  const Server server([&](const httplib::Request& request, httplib::Response& response) {
    const std::string question = question_of(request);
    int time = 0;
    {
      const std::lock_guard lock(mutex);
      time = times[question]++;
    }
    const int kind = std::stoi(question.substr(9)) % 7;
    if (time > 1 || kind == 6) return reply(response, completion("at last"));
    switch (kind) {
      case 0:
        response.set_header("Retry-After", "0");
        return reply(response, "{\"error\": \"busy\"}", 429);
      case 1:
        return reply(response, "oops", 500);
      case 2:
        return reply(response, "bad gateway", 502);
      case 3:
        return reply(response, "{\"choices\": [", 200);
      case 4:
        return reply(response, "{\"choices\": []}", 200);
      default:
        // A body that is shorter than declared.
        response.set_content_provider(1000, "application/json",
                                      [](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                        if (offset > 0) return false;
                                        return sink.write("{\"choices\"", 10);
                                      });
    }
  });
  const auto answers = ask(Endpoint(quick(server.url())), questions(14));
  CHECK(answers.size() == 14);
  for (const auto& [question, count] : times) CHECK(count == (std::stoi(question.substr(9)) % 7 == 6 ? 1 : 3));
}

TEST_CASE("what does not get better ends the run, and what was answered is handed over") {
  std::atomic<int> requests{0};
  int status = 0;
  SECTION("no such page") {
    const Server server([&](const auto&, httplib::Response& response) {
      ++requests;
      reply(response, "{\"error\": \"no such\nmodel\"}", 404);
    });
    const std::string text = refusal(quick(server.url()), &status, 40);
    CHECK(status == 404);
    CHECK(contains(text, "404"));
    CHECK(contains(text, "no such model"));
    CHECK(requests <= 3);
  }
  SECTION("always busy") {
    const Server server([&](const auto&, httplib::Response& response) {
      ++requests;
      reply(response, std::string(5000, 'x'), 503);
    });
    const std::string text = refusal(quick(server.url()), &status);
    CHECK(status == 503);
    CHECK(contains(text, "4 tries"));
    CHECK(text.size() < 700);
    CHECK(requests == 4);
  }
  SECTION("a wait that is too long") {
    const Server server([&](const auto&, httplib::Response& response) {
      ++requests;
      response.set_header("Retry-After", "3600");
      reply(response, "{}", 429);
    });
    CHECK(contains(refusal(quick(server.url()), &status), "asks to wait for 3600 s"));
    CHECK(requests == 1);
  }
  SECTION("redirections are not followed") {
    const Server server([&](const auto&, httplib::Response& response) {
      ++requests;
      response.set_redirect("http://127.0.0.1:1/elsewhere", 307);
    });
    CHECK(contains(refusal(quick(server.url()), &status), "elsewhere"));
    CHECK(status == 307);
    CHECK(requests == 1);
  }
  SECTION("one dialogue too long") {
    const Server server([&](const httplib::Request& request, httplib::Response& response) {
      const std::string question = question_of(request);
      if (question == "question 4") return reply(response, "context length exceeded", 400);
      reply(response, completion("fine"));
    });
    std::vector<ChatRequest> chats;
    const auto dialogues = questions(12);
    for (const auto& d : dialogues) chats.push_back({&d});
    std::vector<Index> answered;
    CHECK_THROWS_AS(Endpoint(quick(server.url()))
                        .chat(chats, {},
                              [&](Index k, const std::string&) {
                                answered.push_back(k);
                                return true;
                              }),
                    EndpointError);
    CHECK(answered.size() == 11);
    CHECK(std::count(answered.begin(), answered.end(), 4) == 0);
  }
  SECTION("nobody there") {
    EndpointOptions options = quick("http://127.0.0.1:1/v1");
    options.retries = 1;
    CHECK(contains(refusal(options, &status), "no connection came about"));
    CHECK(status == 0);
  }
  SECTION("silence") {
    const Server server([&](const auto&, httplib::Response& response) {
      ++requests;
      std::this_thread::sleep_for(std::chrono::milliseconds(400));
      reply(response, completion("late"));
    });
    EndpointOptions options = quick(server.url());
    options.read_timeout = 0.1;
    options.retries = 1;
    CHECK(contains(refusal(options, &status), "read timeout"));
    CHECK(requests == 2);
  }
  SECTION("a trickle") {
    const Server server([&](const auto&, httplib::Response& response) {
      response.set_chunked_content_provider("application/json", [](std::size_t, httplib::DataSink& sink) {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        return sink.write(" ", 1);
      });
    });
    EndpointOptions options = quick(server.url());
    options.total_timeout = 0.15;
    options.retries = 0;
    CHECK(contains(refusal(options, &status), "total timeout"));
  }
}

TEST_CASE("a caller that stops gets nothing more and does not wait for what is under way") {
  const Server server([&](const httplib::Request& request, httplib::Response& response) {
    if (question_of(request) != "question 0") std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    reply(response, completion("x"));
  });
  const auto dialogues = questions(50);
  std::vector<ChatRequest> chats;
  for (const auto& d : dialogues) chats.push_back({&d});
  const auto start = std::chrono::steady_clock::now();
  int calls = 0;
  Endpoint(quick(server.url())).chat(chats, {}, [&](Index, const std::string&) {
    ++calls;
    return false;
  });
  CHECK(calls == 1);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds(1200));
  struct Unrelated {};
  CHECK_THROWS_AS(
      Endpoint(quick(server.url())).chat(chats, {}, [&](Index, const std::string&) -> bool { throw Unrelated(); }),
      Unrelated);
}

TEST_CASE("embeddings come in batches and in order") {
  std::atomic<int> requests{0};
  std::string broken;
  const Server server([&](const httplib::Request& request, httplib::Response& response) {
    ++requests;
    if (request.path == "/v1/models") return reply(response, R"({"data": [{"id": "first"}, {"id": "second"}]})");
    if (!broken.empty()) return reply(response, broken);
    const auto body = nlohmann::json::parse(request.body);
    CHECK(body["model"] == "first");
    nlohmann::json answer;
    for (std::size_t k = body["input"].size(); k-- > 0;)  // backwards, by index
      answer["data"].push_back({{"index", k}, {"embedding", {body["input"][k].get<std::string>().size(), 0.5}}});
    reply(response, answer.dump());
  });
  EndpointOptions options = quick(server.url());
  options.model.clear();
  const Endpoint endpoint(options);
  CHECK(endpoint.models() == std::vector<std::string>{"first", "second"});
  const std::vector<std::string> texts{"a", "bb", "ccc", "dddd", "eeeee"};
  const Matrix<float> vectors = endpoint.embed(texts, 2);
  CHECK(vectors == Matrix<float>(5, 2, std::vector<float>{1, .5f, 2, .5f, 3, .5f, 4, .5f, 5, .5f}));
  CHECK(requests == 5);
  CHECK(endpoint(texts) == vectors);
  broken = R"({"data": [{"embedding": [[1, 2], [3, 6]]}]})";  // a list a token
  const std::vector<std::string> one{"a b"};
  CHECK(endpoint.embed(one) == Matrix<float>(1, 2, std::vector<float>{2, 4}));
  for (const char* answer :
       {R"({"data": [{"embedding": [[1, 2], [3]]}]})", R"({"data": [{"embedding": [[1], 2]}]})",
        R"({"data": [{"embedding": [1, null]}]})", R"({"data": [{"embedding": [1]}, {"embedding": [1, 2]}]})",
        R"({"data": []})", R"({"dat)", "[]", R"({"data": [{"embedding": [1e99]}]})"}) {
    broken = answer;
    CHECK_THROWS_AS(endpoint.embed(texts), EndpointError);
  }
}

TEST_CASE("a real server answers, the same words for a seed") {
  const char* url = std::getenv("RECLM_TEST_ENDPOINT");
  if (url == nullptr) {
    WARN("no server to ask; tests/lm/peers/endpoint.sh starts one and runs this test");
    return;
  }
  EndpointOptions options = quick(url);
  options.model.clear();
  options.read_timeout = 300;
  const Endpoint endpoint(options);
  REQUIRE(!endpoint.models().empty());
  const std::vector<Dialogue> dialogues{
      {{"user", "Name a fruit."}}, {{"user", "Name a colour."}}, {{"user", "Say \"yes\" – in French."}}};
  const auto answers = ask(endpoint, dialogues, {.max_tokens = 12, .temperature = 0.8});
  REQUIRE(answers.size() == 3);
  for (const auto& [k, text] : answers) CHECK(text.find_first_not_of(" \n") != std::string::npos);
  CHECK(ask(endpoint, dialogues, {.max_tokens = 12, .temperature = 0.8}) == answers);
  const std::vector<std::string> texts{"a cat on a mat", "stocks fell today", "a cat on a mat"};
  const Matrix<float> vectors = endpoint.embed(texts, 2);
  CHECK(vectors.rows() == 3);
  CHECK(vectors.cols() > 100);
  double difference = 0, distance = 0;
  for (Index c = 0; c < vectors.cols(); ++c) {
    difference += std::abs(vectors(0, c) - vectors(2, c));
    distance += std::abs(vectors(0, c) - vectors(1, c));
  }
  CHECK(difference < 0.01 * distance);
}

TEST_CASE("URLs, options and dates are read as they should be") {
  const auto wrong = [](const EndpointOptions& options) {
    try {
      Endpoint{options};
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  for (const char* url :
       {"", "localhost:8000", "ftp://x/v1", "http://", "http:///v1", "http://a b/v1", "http://user:secret@host/v1"})
    CHECK(contains(wrong({.url = url}), "Remedy: write http"));
  // What errors show of them: no passwords and no keys.
  for (const auto& [url, shown] : std::initializer_list<std::pair<const char*, const char*>>{
           {"http://user:secret@host/v1", "\"http://***@host/v1\""},
           {"https://host/v1?key=secret", "\"https://host/v1?***\""},
           {"https://host/v1#secret", "\"https://host/v1#***\""},
           {"http://user:secret@host/v1?key=secret", "\"http://***@host/v1?***\""},
           {"http://user:sec?ret@host/v1", "\"http://***\""},
           {"http://host/v1?key=a@secret", "\"http://***\""},
           {"user:secret@host/v1", "\"***@host/v1\""},
           {"http://a b/v1", "\"http://a b/v1\""}}) {
    CAPTURE(url);
    CHECK(contains(wrong({.url = url}), shown));
    CHECK_FALSE(contains(wrong({.url = url}), "secret"));
    CHECK_FALSE(contains(wrong({.url = url}), "user"));
  }
  CHECK(contains(wrong({.concurrency = 0}), "concurrency"));
  CHECK(contains(wrong({.read_timeout = 0}), "timeouts"));
  CHECK(contains(wrong({.retries = -1}), "retries"));
  CHECK(wrong({.url = "https://[::1]:8443/deep/v1//"}) == "none");
  CHECK(lm::detail::ServerAddress::parse("http://[::1]:80/v1").local);
  CHECK(lm::detail::ServerAddress::parse("http://127.0.1.1/v1").local);
  CHECK(!lm::detail::ServerAddress::parse("http://127.example.org/v1").local);
  const Endpoint endpoint({.url = "http://127.0.0.1:1/v1", .model = "m"});
  CHECK_THROWS_AS(ask(endpoint, questions(1), {.extra = "[1]"}), ConfigError);
  CHECK_THROWS_AS(ask(endpoint, questions(1), {.top_p = 0}), ConfigError);

  const auto seconds = [](const char* text) { return lm::detail::retry_after_seconds(text, 784111770); };
  CHECK(seconds("7") == 7.0);
  CHECK(seconds("0.5") == 0.5);
  CHECK(seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 7.0);
  CHECK(seconds("Sun, 06 Nov 1994 08:49:00 GMT") == 0.0);
  CHECK(!seconds(""));
  CHECK(!seconds("soon"));
}
