# `cmake --install build --prefix DIR`, a tree that may be moved: the shared library and the static one, the public
# headers (include/transit: transit.h, which has them all, and the others as in the sources, "core/array.h"), a
# pkg-config file for each library, and a package. find_package(transit) gives transit::transit, the shared library, which
# needs nothing further; find_package(transit COMPONENTS static) gives transit::transit_static as well, and looks for all
# that this one is made of.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/transit)
set(header_dir ${CMAKE_INSTALL_INCLUDEDIR}/transit)
set_target_properties(libtransit_shared PROPERTIES EXPORT_NAME transit)
set_target_properties(libtransit PROPERTIES EXPORT_NAME transit_static)
# Where a library that is linked lies outside the system's folders, it is found there.
set_target_properties(libtransit_shared PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
foreach(kind libtransit libtransit_shared)
  target_include_directories(${kind} INTERFACE $<INSTALL_INTERFACE:${header_dir}>)
endforeach()
install(TARGETS libtransit_shared EXPORT transit-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS libtransit transit_flags EXPORT transit-static-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT transit-targets NAMESPACE transit:: DESTINATION ${package_dir})
install(EXPORT transit-static-targets NAMESPACE transit:: DESTINATION ${package_dir})

# Headers are public unless their name ends in _private.h or their folder is named here.
install(FILES ${PROJECT_SOURCE_DIR}/include/transit.h DESTINATION ${header_dir})
foreach(room core integrators transport nets)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${room} DESTINATION ${header_dir}
          FILES_MATCHING PATTERN "*.h" PATTERN "*_private.h" EXCLUDE PATTERN "core/cpu" EXCLUDE
          PATTERN "integrators/sundials" EXCLUDE)
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/transit-config.cmake.in
                              ${PROJECT_BINARY_DIR}/transit-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/transit-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/transit-config.cmake ${PROJECT_BINARY_DIR}/transit-config-version.cmake
        DESTINATION ${package_dir})

# What a program must link besides the static library, as a linker sees it: every library behind the targets in `items`.
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

# NAME.pc, whose programs link `libraries`.
function(install_pkg_config name libraries)
  file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # so that the tree may be moved
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/${name}.pc CONTENT "prefix=\${pcfiledir}/${up}.
includedir=\${prefix}/${header_dir}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}

Name: ${name}
Description: ${PROJECT_DESCRIPTION}
Version: ${PROJECT_VERSION}
Cflags: -I\${includedir}
Libs: ${libraries}
")
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

link_line("${transit_needs}" line)
list(REMOVE_DUPLICATES line)
list(JOIN line " " needs)
install_pkg_config(transit "-L\${libdir} -ltransit")
install_pkg_config(transit-static "\${libdir}/libtransit.a ${needs}")
