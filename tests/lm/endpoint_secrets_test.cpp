/// The endpoint's client and what must not leak: where a key goes, and whose certificate is believed.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>

#include "endpoint_questions.hpp"
#include "endpoint_server.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;
using Server = LocalServer<>;

namespace {

/// Sets an environment variable for the lifetime of the object.
struct Variable {
  explicit Variable(const char* value, const char* variable = "RECLM_TEST_KEY") : name(variable) {
    ::setenv(name, value, 1);
  }
  ~Variable() { ::unsetenv(name); }
  const char* name;
};

/// A certificate of its own authority for `host`, and its key.
struct OwnCertificate {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();

  explicit OwnCertificate(const std::string& host) {
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    const std::string names = "DNS:" + host;
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, key, EVP_sha256());
  }
  ~OwnCertificate() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  OwnCertificate(const OwnCertificate&) = delete;
  OwnCertificate& operator=(const OwnCertificate&) = delete;
  void write(const std::filesystem::path& path) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
  }
};

}  // namespace

TEST_CASE("a key goes into the header, out of error texts, and not over open networks") {
  std::string header;
  const Server server([&](const httplib::Request& request, httplib::Response& response) {
    header = request.get_header_value("Authorization");
    reply(response, "you sent " + header, 401);
  });
  const Variable key("sk-very-secret");
  int status = 0;
  const std::string text = refusal(quick(server.url()), &status);
  CHECK(header == "Bearer sk-very-secret");
  CHECK(status == 401);
  CHECK(contains(text, "you sent Bearer ***"));
  CHECK(!contains(text, "secret"));
  const auto wrong = [&](const std::string& url) {
    try {
      ask(Endpoint(quick(url)), questions(1));
    } catch (const ConfigError& e) {
      CHECK(!contains(e.what(), "secret"));
      return std::string(e.what());
    }
    return std::string("none");
  };
  CHECK(contains(wrong("http://models.example/v1"), "unencrypted"));
  ::setenv("RECLM_TEST_KEY", "secret\r\nX: y", 1);
  CHECK(contains(wrong(server.url()), "line end"));
}

TEST_CASE("a key of asterisks is blotted out as well") {
  const Server server([&](const httplib::Request& request, httplib::Response& response) {
    reply(response, "you sent " + request.get_header_value("Authorization") + "!", 401);
  });
  for (const char* asterisks : {"*", "**", "*****"}) {
    const Variable key(asterisks);
    CHECK(contains(refusal(quick(server.url())), "you sent Bearer ***"));
  }
}

TEST_CASE("a certificate that nobody vouches for, or of another host, is refused") {
  const test::TemporaryFolder folder;
  const OwnCertificate own("localhost");
  own.write(folder / "ca.pem");
  std::atomic<int> requests{0};
  const LocalServer<httplib::SSLServer> server(
      [&](const auto&, httplib::Response& response) {
        ++requests;
        reply(response, completion("safe"));
      },
      own.certificate, own.key);
  int status = -1;
  EndpointOptions options = quick(server.url("https", "localhost"));
  CHECK(contains(refusal(options, &status), "certificate is not to be trusted"));
  CHECK(requests == 0);
  options.ca_file = folder / "ca.pem";
  CHECK(ask(Endpoint(options), questions(2)).at(1) == "safe");
  // The right authority, another name.
  options.url = server.url("https");
  CHECK(contains(refusal(options, &status), "certificate"));
  CHECK(requests == 2);
}

TEST_CASE("a CA file is believed beside the system's certificates, and must be readable") {
  const test::TemporaryFolder folder;
  const OwnCertificate of_system("localhost"), other("elsewhere");
  of_system.write(folder / "system.pem");
  other.write(folder / "other.pem");
  const std::string system = folder / "system.pem";
  const Variable authority(system.c_str(), "SSL_CERT_FILE");  // OpenSSL's file of the system's certificates
  std::atomic<int> requests{0};
  const LocalServer<httplib::SSLServer> server(
      [&](const auto&, httplib::Response& response) {
        ++requests;
        reply(response, completion("safe"));
      },
      of_system.certificate, of_system.key);
  EndpointOptions options = quick(server.url("https", "localhost"));
  CHECK(ask(Endpoint(options), questions(1)).at(0) == "safe");
  options.ca_file = folder / "other.pem";
  CHECK(ask(Endpoint(options), questions(1)).at(0) == "safe");
  for (const std::string& file : {(folder / "mistyped.pem").string(), folder.write("empty.pem", "none").string()}) {
    options.ca_file = file;
    int status = -1;
    const std::string text = refusal(options, &status);
    CHECK(status == 0);
    CHECK(contains(text, "ca_file, \"" + file + "\""));
    CHECK(contains(text, "PEM"));
    CHECK_FALSE(contains(text, "tries"));
  }
  CHECK(requests == 2);
}
