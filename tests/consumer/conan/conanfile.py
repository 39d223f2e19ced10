import os

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, cmake_layout


class ReclmTestConan(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps", "CMakeToolchain"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    def build(self):
        cmake = CMake(self)
        given = self.dependencies["reclm"].options
        parts = ["lm", "http"] if given.with_http else ["lm"] if given.with_lm else []
        cmake.configure(variables={"PARTS": ";".join(parts)},
                        build_script_folder=os.path.join(self.recipe_folder, "..", "components"))
        cmake.build()

    def test(self):
        if can_run(self):
            self.run(os.path.join(self.cpp.build.bindir, "program"), env="conanrun")
