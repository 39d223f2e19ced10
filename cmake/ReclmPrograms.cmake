# Flags of our own programs (tests, examples, benchmarks). Users of the library never get them.
add_library(reclm_program_flags INTERFACE)
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(reclm_program_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow>
    $<$<COMPILE_LANG_AND_ID:CXX,Clang,AppleClang>:-Wno-pass-failed>  # a loop left unvectorised is slower, not wrong
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${RECLM_WERROR}>>:-Werror>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${RECLM_NATIVE}>>:-march=native>)
  # GCC 12 takes the deliberately undefined registers of its own AVX-512 header for mistakes (GCC bug 105593), and at
  # -O3 sees overlaps and overruns in its own std::string (105651) and std::reverse.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(reclm_program_flags INTERFACE
      $<$<COMPILE_LANGUAGE:CXX>:-Wno-uninitialized -Wno-maybe-uninitialized
      -Wno-restrict -Wno-stringop-overflow>)
  endif()
  if(RECLM_SANITIZE)
    target_compile_options(reclm_program_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined
      -fno-sanitize-recover=undefined -fno-omit-frame-pointer>)
    # Checks of every single access double the time to compile, and mostly find what the address sanitizer finds.
    target_compile_options(reclm_program_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:
      -fno-sanitize=null,alignment,object-size,vptr,pointer-overflow>)
    # Functions of many accesses, none of them a kernel, call the check of each: a quarter less to compile.
    target_compile_options(reclm_program_flags INTERFACE
      $<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-mllvm -asan-instrumentation-with-call-threshold=200>
      $<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=asan-instrumentation-with-call-threshold=200>)
    target_link_options(reclm_program_flags INTERFACE -fsanitize=address,undefined)
  endif()
endif()
find_package(Threads REQUIRED)

# reclm_program(NAME SOURCES...): an executable of ours that uses the library.
function(reclm_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE reclm::reclm reclm_program_flags Threads::Threads)
endfunction()
