# Files that travel inside the binary: migrations and the built dashboard. Each becomes a byte array through the assembler's
# .incbin; base/embedded.h declares the tables of {name, data, end} that are filled here.
set(EMBED_SOURCES)
function(embed_files table base)
  set(bytes "")
  set(rows "")
  set(index 0)
  foreach(file ${ARGN})
    file(RELATIVE_PATH name ${base} ${file})
    set(symbol "${table}_${index}")
    string(APPEND bytes "__asm__(\".section .rodata\\n.global ${symbol}\\n.balign 16\\n${symbol}:\\n.incbin \\\"${file}\\\"\\n\"\n"
      "        \".global ${symbol}_end\\n${symbol}_end:\\n.byte 0\\n.previous\\n\");\nextern const unsigned char ${symbol}[], ${symbol}_end[];\n")
    string(APPEND rows "    {\"${name}\", ${symbol}, ${symbol}_end},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  set(source ${CMAKE_BINARY_DIR}/generated/${table}.c)
  file(CONFIGURE OUTPUT ${source} CONTENT "/* generated */\n#include \"base/embedded.h\"\n${bytes}const struct embedded ${table}[] = {\n${rows}    {0}};\n" @ONLY)
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${ARGN}")
  set(EMBED_SOURCES ${EMBED_SOURCES} ${source} PARENT_SCOPE)
endfunction()

file(GLOB MIGRATIONS CONFIGURE_DEPENDS migrations/*.sql)
list(SORT MIGRATIONS)
embed_files(embedded_migrations ${CMAKE_SOURCE_DIR}/migrations ${MIGRATIONS})

file(GLOB_RECURSE WEB_FILES CONFIGURE_DEPENDS web/dist/*)
list(SORT WEB_FILES)
embed_files(embedded_web ${CMAKE_SOURCE_DIR}/web/dist ${WEB_FILES})

embed_files(embedded_api ${CMAKE_SOURCE_DIR}/docs ${CMAKE_SOURCE_DIR}/docs/openapi.json)
