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
    options = {"with_blas": [True, False], "with_cuda": [True, False]}
    default_options = {"with_blas": False, "with_cuda": False}
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
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "reclm")
        self.cpp_info.set_property("cmake_target_name", "reclm::reclm")
        self.cpp_info.set_property("pkg_config_name", "reclm")
        if self.settings.get_safe("compiler") in ("gcc", "clang", "apple-clang"):
            self.cpp_info.cxxflags = ["-fopenmp-simd", "-fno-math-errno"]
        if self.options.with_blas:
            self.cpp_info.defines.append("RECLM_WITH_BLAS")
        if self.options.with_cuda:
            # The toolkit is the system's: Conan Center has no recipe for it.
            self.cpp_info.system_libs = ["cublas", "cudart"]
