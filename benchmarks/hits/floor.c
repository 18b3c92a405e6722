/* The floor: an HTTP/1.1 server that does nothing but answer. Whatever is asked for, it sends the
 * same head and so many bytes of a store of 64 MiB, each time others, as a cache would. No look-up,
 * no check, no log: what is left is the kernel.
 *
 * floor PORT BYTES STATUS PROCESSES */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, EVENTS_MAX = 256, HEAD_BYTES_MAX = 8192, STORE_BYTES = 64 << 20 };

struct connection {
    size_t received, sent;
    int is_answering;
    char *body;
    char head[HEAD_BYTES_MAX];
};

static struct connection *connections[CONNECTIONS_MAX];
static char answer_head[256], *store;
static size_t answer_head_bytes, body_bytes, next_offset;

static int answer(int fd, struct connection *one) {
    while (one->sent < answer_head_bytes + body_bytes) {
        size_t in_head = one->sent < answer_head_bytes ? one->sent : answer_head_bytes;
        size_t in_body = one->sent - in_head;
        struct iovec parts[2] = {{answer_head + in_head, answer_head_bytes - in_head},
                                 {one->body + in_body, body_bytes - in_body}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t count = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (count < 0) return errno == EAGAIN ? 0 : -1;
        one->sent += (size_t)count;
    }
    one->sent = one->received = 0;
    one->is_answering = 0;
    return 0;
}

static int serve(int fd, struct connection *one, unsigned events) {
    if (one->is_answering) return events & EPOLLOUT ? answer(fd, one) : 0;
    ssize_t count = recv(fd, one->head + one->received, HEAD_BYTES_MAX - one->received, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return -1;
    if (count < 0) return 0;
    one->received += (size_t)count;
    if (one->received < 4 || memcmp(one->head + one->received - 4, "\r\n\r\n", 4))
        return one->received < HEAD_BYTES_MAX ? 0 : -1;
    one->is_answering = 1;
    one->body = store + next_offset;
    next_offset = (next_offset + body_bytes) % (STORE_BYTES - body_bytes + 1);
    return answer(fd, one);
}

static void accept_all(int listener, int poll) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS_MAX) { close(fd); continue; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections[fd] = calloc(1, sizeof(struct connection));
        struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wanted);
    }
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    body_bytes = (size_t)atol(argv[2]);
    store = malloc(STORE_BYTES);
    memset(store, 'a', STORE_BYTES);
    answer_head_bytes = (size_t)snprintf(answer_head, sizeof answer_head,
        "HTTP/1.1 %s OK\r\nContent-Type: audio/mp4\r\nETag: \"v1\"\r\nContent-Length: %zu\r\n\r\n",
        argv[3], body_bytes);
    for (int more = atoi(argv[4]); more > 1; more--)
        if (!fork()) break;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024))
        return 1;
    int poll = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener}, ready[EVENTS_MAX];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        int count = epoll_wait(poll, ready, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) accept_all(listener, poll);
            else if (serve(fd, connections[fd], ready[i].events)) {
                close(fd);
                free(connections[fd]);
            }
        }
    }
}
