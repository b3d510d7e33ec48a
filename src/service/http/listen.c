/* See listen.h. Names are not resolved: which address a name means may change, and with it who can reach the server. */
#include "service/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

int listen_parse(struct listen_address *out, const char *text, struct error *err)
{
    static const char form[] = "HOST:PORT, as in 127.0.0.1:8080 or [::1]:8080";
    unsigned char address[16];
    int64_t port;
    const char *colon = strrchr(text, ':'), *host = text, *end = colon;
    memset(out, 0, sizeof *out);
    if (!colon) return error_set(err, ERROR_USAGE, NULL, "listen address \"%.100s\" has no port; write %s", text, form);
    if (*text == '[') {
        if (colon[-1] != ']') return error_set(err, ERROR_USAGE, NULL, "listen address \"%.100s\": write %s", text, form);
        host++, end--, out->v6 = true;
    }
    if (!str_to_int64(colon + 1, &port) || port < 0 || port > 65535)
        return error_set(err, ERROR_USAGE, NULL, "listen address \"%.100s\": the port must be between 0 and 65535", text);
    if (end <= host || (size_t)(end - host) >= sizeof out->host)
        return error_set(err, ERROR_USAGE, NULL, "listen address \"%.100s\": write %s", text, form);
    memcpy(out->host, host, (size_t)(end - host));
    out->port = (int)port;
    if (!strcmp(out->host, "localhost")) str_copy(out->host, sizeof out->host, "127.0.0.1");
    if (inet_pton(out->v6 ? AF_INET6 : AF_INET, out->host, address) != 1)
        return error_set(err, ERROR_USAGE, NULL, "listen address \"%.100s\": the host must be an IP address or localhost", text);
    return 0;
}

static int bind_failed(int why, const char *url, struct error *err)
{
    if (why == EADDRINUSE)
        return error_set(err, ERROR_CONFLICT, NULL, "%s is in use by another program; choose another port, or 0 for any free one", url);
    if (why == EADDRNOTAVAIL) return error_set(err, ERROR_USAGE, NULL, "%s is not an address of this machine", url);
    return error_set_errno(err, why, NULL, "cannot listen on %s", url);
}

int listen_open(const struct listen_address *a, char url[LISTEN_URL_SIZE], struct error *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)a->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)a->port)};
    struct sockaddr *at = a->v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t size = a->v6 ? sizeof v6 : sizeof v4;
    int yes = 1;
    inet_pton(at->sa_family, a->host, a->v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
    snprintf(url, LISTEN_URL_SIZE, a->v6 ? "http://[%s]:%d" : "http://%s:%d", a->host, a->port);
    int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return bind_failed(errno, url, err);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, at, size) < 0 || listen(fd, 1024) < 0 || getsockname(fd, at, &size) < 0) {
        int why = errno;
        close(fd);
        return bind_failed(why, url, err);
    }
    int port = ntohs(a->v6 ? v6.sin6_port : v4.sin_port);
    snprintf(url, LISTEN_URL_SIZE, a->v6 ? "http://[%s]:%d" : "http://%s:%d", a->host, port);
    return fd;
}
