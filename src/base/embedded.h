/* Files embedded at build time (cmake/embed.cmake): tables that end with a NULL name. A NUL follows each file's last byte. */
#ifndef TRAINYARD_BASE_EMBEDDED_H
#define TRAINYARD_BASE_EMBEDDED_H

struct embedded {
    const char *name; /* relative to its folder: "0001_jobs.sql", "index.html" */
    const unsigned char *data, *end;
};

extern const struct embedded embedded_migrations[]; /* sorted by name */
extern const struct embedded embedded_api[];        /* openapi.json */
extern const struct embedded embedded_web[];        /* empty when the dashboard was not built */

#endif
