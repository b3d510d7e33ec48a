/* The API's description: docs/openapi.json, kept by hand, with the schemas of a specification put in from the option tables, so that
 * they cannot differ from what is checked. A test holds its paths against the route table. */
#ifndef TRAINYARD_SERVICE_HTTP_OPENAPI_H
#define TRAINYARD_SERVICE_HTTP_OPENAPI_H

#include "base/embedded.h"
#include "base/json.h"
#include "contract/registry.h"

/* openapi_document: new reference, or NULL + error. files: holds openapi.json. */
json_t *openapi_document(const struct embedded *files, const struct registry *registry, struct error *err);

#endif
