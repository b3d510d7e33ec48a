# The commit that is being built, for `trainyard version`; "unknown" outside a checkout.
execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE TRAINYARD_COMMIT
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT TRAINYARD_COMMIT)
  set(TRAINYARD_COMMIT unknown)
endif()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/version.h CONTENT "#define TRAINYARD_COMMIT \"${TRAINYARD_COMMIT}\"\n")
