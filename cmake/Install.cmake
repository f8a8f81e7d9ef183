# cmake --install: the library, its public headers, and find_package(credo).
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/credo)
install(TARGETS credo EXPORT credoTargets)
if(CREDO_WITH_TORCH)
  install(TARGETS credo_learning_torch EXPORT credoLearningTorchTargets)
  install(EXPORT credoLearningTorchTargets NAMESPACE credo:: DESTINATION ${package_dir})
endif()
install(EXPORT credoTargets NAMESPACE credo:: DESTINATION ${package_dir})
foreach(header ${CREDO_PUBLIC_HEADERS})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/credo/${folder})
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/credoConfig.cmake.in
  ${PROJECT_BINARY_DIR}/credoConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/credoConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/credoConfig.cmake ${PROJECT_BINARY_DIR}/credoConfigVersion.cmake
  DESTINATION ${package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
