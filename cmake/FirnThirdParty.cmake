# Libraries that are not ours, each as one target to name in LINKS.

find_package(OpenSSL REQUIRED)
find_package(simdjson REQUIRED)

# Arrow C++: a system package if there is one, else what script/bootstrap took out of the pyarrow wheel.
find_package(Arrow CONFIG QUIET)
if(Arrow_FOUND)
  find_package(Parquet CONFIG REQUIRED)
  find_package(ArrowCompute CONFIG REQUIRED)
  add_library(firn_arrow INTERFACE)
  target_link_libraries(firn_arrow INTERFACE Arrow::arrow_shared)
  add_library(firn_arrow_compute INTERFACE)
  target_link_libraries(firn_arrow_compute INTERFACE ArrowCompute::arrow_compute_shared)
  add_library(firn_parquet INTERFACE)
  target_link_libraries(firn_parquet INTERFACE Parquet::parquet_shared)
else()
  set(arrow_root ${CMAKE_SOURCE_DIR}/.deps/arrow)
  if(NOT EXISTS ${arrow_root}/lib/libarrow.so)
    message(FATAL_ERROR "Arrow C++ is missing: run script/bootstrap")
  endif()
  foreach(library IN ITEMS arrow arrow_compute parquet)
    add_library(firn_${library} INTERFACE)
    target_include_directories(firn_${library} SYSTEM INTERFACE ${arrow_root}/include)
    # The wheel's libraries export OpenSSL and simdjson symbols of other versions: ours must come first wherever they are linked, or calls
    # of ours end up in theirs.
    target_link_libraries(firn_${library} INTERFACE simdjson::simdjson OpenSSL::SSL OpenSSL::Crypto ${arrow_root}/lib/lib${library}.so)
  endforeach()
  # The wheel's libarrow_compute and libparquet find libarrow beside themselves at run time.
  add_link_options(LINKER:-rpath,${arrow_root}/lib LINKER:-rpath-link,${arrow_root}/lib)
endif()
target_link_libraries(firn_arrow_compute INTERFACE firn_arrow)
target_link_libraries(firn_parquet INTERFACE firn_arrow)

find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(PkgConfig REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(libedit REQUIRED IMPORTED_TARGET libedit)
find_package(roaring REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Snappy REQUIRED)
