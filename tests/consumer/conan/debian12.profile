# Conan without a remote: Debian 12's packages stand for the requirements.
#   conan create . --profile tests/consumer/conan/debian12.profile --test-folder tests/consumer/conan \
#     --no-remote -o "reclm/*:with_http=True"
include(default)

[settings]
compiler.cppstd=20

[platform_requires]
eigen/3.4.0
xtensor/0.24.3
onetbb/2021.8.0
nlohmann_json/3.11.2
pcre2/10.42
utf8proc/2.8.0
cpp-httplib/0.11.4
openssl/3.0.0

[conf]
tools.build:cxxflags=["-isystem", "/usr/include/eigen3"]
tools.build:exelinkflags=["-Wl,--no-as-needed", "-ltbb", "-lpcre2-8", "-lutf8proc", "-lcpp-httplib", "-lssl", "-lcrypto"]
