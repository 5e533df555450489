# `cmake --install build --prefix DIR`: the library, its headers (include/transit, written as in the sources:
# #include "core/array.h"), a pkg-config file, and a package for find_package(transit), which gives transit::transit.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(libtransit PROPERTIES EXPORT_NAME transit)
target_include_directories(libtransit INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/transit>)
install(TARGETS libtransit transit_flags EXPORT transit-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(room core integrators transport nets)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/transit
          FILES_MATCHING PATTERN "*.h" PATTERN "*_private.h" EXCLUDE PATTERN "cpu" EXCLUDE)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/transit)
install(EXPORT transit-targets NAMESPACE transit:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/transit-config.cmake.in
                              ${PROJECT_BINARY_DIR}/transit-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/transit-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/transit-config.cmake ${PROJECT_BINARY_DIR}/transit-config-version.cmake
        DESTINATION ${package_dir})

# What a program must link besides the library, as a linker sees it: every library behind the targets in `items`.
function(link_line items out)
  foreach(item ${items})
    if(item STREQUAL "transit_flags" OR item MATCHES "^[$]<LINK_ONLY")
      continue()
    elseif(TARGET ${item})
      get_target_property(kind ${item} TYPE)
      get_target_property(behind ${item} INTERFACE_LINK_LIBRARIES)
      if(NOT kind STREQUAL "INTERFACE_LIBRARY")
        list(APPEND line $<TARGET_LINKER_FILE:${item}>)
      elseif(behind)
        link_line("${behind}" more)
        list(APPEND line ${more})
      endif()
    elseif(item MATCHES "^[-/]")
      list(APPEND line ${item})
    else()
      list(APPEND line -l${item})
    endif()
  endforeach()
  set(${out} ${line} PARENT_SCOPE)
endfunction()

get_target_property(linked libtransit LINK_LIBRARIES)
link_line("${linked}" line)
list(REMOVE_DUPLICATES line)
list(JOIN line " " libraries)
file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # so that the tree may be moved
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/transit.pc CONTENT "prefix=\${pcfiledir}/${up}.
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}/transit
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}

Name: transit
Description: ${PROJECT_DESCRIPTION}
Version: ${PROJECT_VERSION}
Cflags: -I\${includedir}
Libs: -L\${libdir} -ltransit ${libraries}
")
install(FILES ${PROJECT_BINARY_DIR}/transit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
