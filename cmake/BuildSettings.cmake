# Build type, compiler cache, warnings (credo_flags) and sanitizers.
include(GNUInstallDirs)

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
  endif()
  # Relative paths, so that several build folders and clones share what was compiled.
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE_PROGRAM})
  endif()
endif()

# Linked privately by every target of the project, never exported.
add_library(credo_flags INTERFACE)
if(CREDO_DEVELOPER)
  target_compile_options(credo_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  # g++ reports uninitialised values that are none in code instrumented by sanitizers.
  if(NOT CREDO_SANITIZE OR CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(credo_flags INTERFACE -Werror)
  endif()
endif()

if(CREDO_SANITIZE)
  add_compile_options(-fsanitize=${CREDO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CREDO_SANITIZE})
endif()
