// Each component brings the headers and libraries of what it needs; the core alone brings those of the core.
#include <atomic>
#include <cstdio>

#ifdef WITH_HTTP
#include <reclm/lm/http/endpoint.hpp>  // before Eigen: resolv.h, which it brings, has a macro of a name of Eigen's
#endif

#include <Eigen/Core>
#include <nlohmann/json.hpp>
#include <reclm/core/parallel.hpp>
#include <reclm/core/version.hpp>

#ifdef WITH_LM
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <utf8proc.h>
#include <reclm/lm/stored_tensor.hpp>
#endif
#ifdef WITH_HTTP
#include <openssl/crypto.h>
#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
#error "reclm::http must switch on TLS"
#endif
#endif

int main() {
  std::atomic<reclm::Index> sum = 0;
  reclm::parallel_for(100, 10, [&](reclm::Index n) { sum += n; });
  const nlohmann::json report = {
      {"version", RECLM_VERSION_STRING}, {"eigen", EIGEN_MAJOR_VERSION}, {"sum", sum.load()}};
  std::puts(report.dump().c_str());
#ifdef WITH_LM
  char version[64] = "";
  pcre2_config(PCRE2_CONFIG_VERSION, version);
  std::printf("PCRE2 %s, utf8proc %s\n", version, utf8proc_version());
#endif
#ifdef WITH_HTTP
  std::puts(OpenSSL_version(OPENSSL_VERSION));
#endif
  return sum == 4950 ? 0 : 1;
}
