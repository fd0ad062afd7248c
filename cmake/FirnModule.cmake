# One way to make a module, so that a module's own CMake file stays a few lines.
#
#   firn_module(log DEPENDS base io LINKS zstd)
#
# makes the static library firn_log from every *.cc beside it (subfolders too) that does not end in _test.cc, and the test
# binary firn_log_test from those that do. DEPENDS names modules of lower layers; LINKS names other libraries; COLD says that it works per statement or
# command, not per row, and is compiled with -O1, which takes a fifth less time to compile; FUZZ_WITHOUT
# names sources of the module that no fuzz target reaches and that are dear to compile: the fuzz preset leaves them out.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(fmt REQUIRED)

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror -Wno-missing-field-initializers
  -msse4.2 -mpclmul)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 in inlined standard containers (GCC bugs 105329, 105651, 107852).
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized
    -Wno-dangling-pointer -Wno-stringop-overread)
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(FIRN_SANITIZE)
  add_compile_options(-fsanitize=${FIRN_SANITIZE} -fno-sanitize-recover=all)
  if(FIRN_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # Boost's fences, which ThreadSanitizer does not see
  endif()
  add_link_options(-fsanitize=${FIRN_SANITIZE})
endif()
if(FIRN_FUZZ)
  # Generating code is most of this build, and these four checks are a fifth of that: the dev preset keeps them, and here a null or a dangling pointer ends in
  # AddressSanitizer's report all the same. Warnings are g++'s to judge.
  add_compile_options(-fsanitize=fuzzer-no-link -fno-sanitize=vptr,object-size,null,alignment -w)
endif()

function(firn_module name)
  cmake_parse_arguments(arg "COLD" "" "DEPENDS;LINKS;SOURCES;FUZZ_WITHOUT" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(FIRN_FUZZ)
    list(TRANSFORM arg_FUZZ_WITHOUT PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    list(REMOVE_ITEM sources ${arg_FUZZ_WITHOUT})
  endif()
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_(test|fuzz)|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM arg_DEPENDS PREPEND firn_)
  if(sources OR arg_SOURCES)
    add_library(firn_${name} STATIC ${sources} ${arg_SOURCES})
    target_include_directories(firn_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(firn_${name} PUBLIC ${arg_DEPENDS} ${arg_LINKS})
  else()
    add_library(firn_${name} INTERFACE)
    target_include_directories(firn_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(firn_${name} INTERFACE ${arg_DEPENDS} ${arg_LINKS})
  endif()
  if(arg_COLD)
    target_compile_options(firn_${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  endif()
  if(FIRN_UNITY AND sources)
    set_target_properties(firn_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
  if(tests AND NOT FIRN_FUZZ)
    add_executable(firn_${name}_test ${tests})
    target_link_libraries(firn_${name}_test PRIVATE firn_${name} GTest::gmock GTest::gtest_main)
    # A test's own code is compiled more often than it runs long: -Og takes a third less compiler time than -O2 (and less than -O0). What it tests stays at -O2.
    target_compile_options(firn_${name}_test PRIVATE $<$<CONFIG:RelWithDebInfo>:-Og>)
    add_test(NAME unit.${name} COMMAND firn_${name}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300)
  endif()
  firn_module_fuzzers(${name})
endfunction()

# Every foo_fuzz.cc of a module is a libFuzzer target foo_fuzz (only in the fuzz preset).
function(firn_module_fuzzers name)
  if(NOT FIRN_FUZZ)
    return()
  endif()
  file(GLOB_RECURSE fuzzers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_fuzz.cc)
  foreach(source IN LISTS fuzzers)
    get_filename_component(target ${source} NAME_WE)
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE firn_${name})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  endforeach()
endfunction()
