import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load

required_conan_version = ">=2.0"


class ReclmConan(ConanFile):
    name = "reclm"
    description = "RecLM: profile-aligned collaborative filtering as a header-only C++20 library"
    license = "MIT"
    homepage = "https://github.com/reclm/reclm"
    topics = ("recommender-systems", "collaborative-filtering", "llm", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_blas": [True, False], "with_cuda": [True, False], "with_lm": [True, False], "with_http": [True, False],
               "with_onednn": [True, False]}
    default_options = {"with_blas": False, "with_cuda": False, "with_lm": False, "with_http": False, "with_onednn": False}
    exports = "include/reclm/core/version.hpp"
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "include/reclm/core/version.hpp"))
        self.version = ".".join(re.findall(r"define RECLM_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))

    def requirements(self):
        self.requires("eigen/[>=3.4.0 <6]", transitive_headers=True)
        self.requires("xtensor/[>=0.24.3 <1]", transitive_headers=True)
        self.requires("onetbb/[>=2021.8.0 <2023]", transitive_headers=True)
        self.requires("nlohmann_json/[>=3.9.1 <4]", transitive_headers=True)
        if self.options.with_blas:
            self.requires("openblas/[>=0.3.20 <1]")
        if self.options.with_onednn:
            self.requires("onednn/[>=2.6 <4]")
        if self.options.with_lm or self.options.with_http:
            self.requires("pcre2/[>=10.40 <11]", transitive_headers=True)
            self.requires("utf8proc/[>=2.8.0 <3]", transitive_headers=True)
        if self.options.with_http:
            self.requires("cpp-httplib/[>=0.11.4 <1]", transitive_headers=True, options={"with_openssl": True})
            self.requires("openssl/[>=3 <4]", transitive_headers=True)

    def validate(self):
        if self.settings.get_safe("compiler.cppstd"):
            check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    # One package for all compilers and systems; the options only add requirements and definitions.
    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "reclm")
        requires = ["eigen::eigen", "xtensor::xtensor", "onetbb::libtbb", "nlohmann_json::nlohmann_json"]
        requires += ["openblas::openblas"] if self.options.with_blas else []
        requires += ["onednn::onednn"] if self.options.with_onednn else []
        core = self._component("core", "reclm", requires)
        if self.settings.get_safe("compiler") in ("gcc", "clang", "apple-clang"):
            core.cxxflags = ["-fopenmp-simd", "-fno-math-errno"]
        if self.options.with_blas:
            core.defines.append("RECLM_WITH_BLAS")
        if self.options.with_onednn:
            core.defines.append("RECLM_WITH_ONEDNN")
        if self.options.with_cuda:
            # The toolkit is the system's: Conan Center has no recipe for it.
            self._component("cuda", "cuda", ["core"]).system_libs = ["cublas", "cudart"]
        if self.options.with_lm or self.options.with_http:
            self._component("lm", "lm", ["core", "pcre2::pcre2", "utf8proc::utf8proc"])
        if self.options.with_http:
            http = self._component("http", "http", ["lm", "cpp-httplib::cpp-httplib", "openssl::openssl"])
            http.defines.append("CPPHTTPLIB_OPENSSL_SUPPORT")

    def _component(self, name, target, requires):
        part = self.cpp_info.components[name]
        part.bindirs = part.libdirs = []
        part.set_property("cmake_target_name", f"reclm::{target}")
        part.set_property("pkg_config_name", "reclm" if name == "core" else f"reclm-{name}")
        # A profile's [platform_requires] leaves a requirement to the system: then there is no package to name.
        packages = {dependency.ref.name for _, dependency in self.dependencies.direct_host.items()}
        part.requires = [name for name in requires if "::" not in name or name.split("::")[0] in packages]
        if hasattr(self.cpp_info, "ignored_requires"):  # Conan 2.31: else all requirements are the system's, or none
            self.cpp_info.ignored_requires += [name for name in requires if "::" in name and name not in part.requires]
        return part
