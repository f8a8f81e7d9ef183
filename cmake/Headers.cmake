# Headers stand beside their sources and are spelled <credo/core/...> in the tree and after
# installation: the build folder has a folder credo/ of links into the tree.
set(CREDO_LIBRARY_FOLDERS core inference models)
set(CREDO_INCLUDE_DIR ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${CREDO_INCLUDE_DIR}/credo)
foreach(folder ${CREDO_LIBRARY_FOLDERS})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${CREDO_INCLUDE_DIR}/credo/${folder} SYMBOLIC)
endforeach()

# CREDO_HEADERS: every header of the library, relative to the project. A header is public, and
# installed, unless its path is listed in internal_headers.txt (one regular expression a line).
list(TRANSFORM CREDO_LIBRARY_FOLDERS REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/\\1/*.hpp"
  OUTPUT_VARIABLE patterns)
file(GLOB_RECURSE CREDO_HEADERS CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${patterns})
if(NOT CREDO_WITH_TORCH)  # shows it
  list(FILTER CREDO_HEADERS EXCLUDE REGEX "/torch/networks\\.hpp$")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/cmake/internal_headers.txt)
file(STRINGS ${PROJECT_SOURCE_DIR}/cmake/internal_headers.txt internal REGEX "^[^#]")
set(CREDO_PUBLIC_HEADERS ${CREDO_HEADERS})
foreach(pattern ${internal})
  list(FILTER CREDO_PUBLIC_HEADERS EXCLUDE REGEX "^${pattern}$")
endforeach()
if(NOT CREDO_WITH_TORCH)  # nothing to link them with
  list(FILTER CREDO_PUBLIC_HEADERS EXCLUDE REGEX "^models/control/learning/torch/")
endif()
