// Starts and stops the command line's server: a listener thread, and a thread for each session.
// manage_start() and manage_stop() run on the control core, the rest in helper threads.
#include "manage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "counters.h"
#include "exec.h"
#include "frame.h"
#include "log_writer.h"
#include "session.h"
#include "state.h"

#define STACK_BYTES (512 << 10)
#define NICE        5 // below the control core, where they share a CPU
#define SOCKET_MODE 0660
#define IDLE_MIN    60      // seconds after which a terminal makes room where all are taken
#define ROOM_MS     1000    // the listener waits so long for it to end
#define END_MS      5000    // for which the end waits for sessions
#define GROUP       "vigil" // may connect, if there is such a group

struct start {
	struct manage *m;
	unsigned vty;
	int fd;
};

static void lower_priority(void)
{
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
}

static void *session_thread(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	lower_priority();
	session_main(start.m, start.vty, start.fd);
	pthread_mutex_lock(&start.m->lock);
	start.m->sessions[start.vty].place = PLACE_ENDED;
	pthread_mutex_unlock(&start.m->lock);
	return NULL;
}

static int thread_start(struct manage *m, pthread_t *t, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (CPU_COUNT(&m->cpus))
		pthread_attr_setaffinity_np(&attr, sizeof(m->cpus), &m->cpus);
	err = pthread_create(t, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return -err;
}

// A free place, those of ended sessions included; -1 = none.
static int free_place(struct manage *m)
{
	int vty = -1;

	for (int i = 0; i < SESSIONS_MAX && vty < 0; i++) {
		enum session_place place;

		pthread_mutex_lock(&m->lock);
		place = m->sessions[i].place;
		pthread_mutex_unlock(&m->lock);
		if (place == PLACE_ENDED)
			pthread_join(m->sessions[i].thread, NULL);
		if (place != PLACE_USED)
			vty = i;
	}
	return vty;
}

// Ends the session at which nothing was typed for the longest time. False: all are in use.
static bool end_idle(struct manage *m)
{
	struct timespec now;
	int64_t oldest;
	struct session *found = NULL;

	clock_gettime(CLOCK_MONOTONIC, &now);
	oldest = now.tv_sec - IDLE_MIN;
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = m->sessions[i].session;
		// Relaxed, here and below: who types in this moment was idle before.
		int64_t last = s ? atomic_load_explicit(&s->last_input, memory_order_relaxed) : 0;

		if (!s || last > oldest || m->writer == s ||
		    atomic_load_explicit(&s->displaced, memory_order_relaxed) ||
		    atomic_load_explicit(&s->running, memory_order_relaxed))
			continue;
		oldest = last;
		found = s;
	}
	if (found) {
		atomic_store_explicit(&found->displaced, true, memory_order_relaxed);
		shutdown(found->fd, SHUT_RD); // its thread sees the end of the connection
	}
	pthread_mutex_unlock(&m->lock);
	return found != NULL;
}

// A place for a new session, for which an idle one may have to go; -1 = none.
static int take_place(struct manage *m)
{
	int vty = free_place(m);

	if (vty >= 0 || !end_idle(m))
		return vty;
	for (unsigned ms = 0; vty < 0 && ms < ROOM_MS; ms += 10) {
		usleep(10000);
		vty = free_place(m);
	}
	return vty;
}

static void turn_away(int fd)
{
	static const char why[] = "% All lines are in use";
	uint8_t header[FRAME_HEADER];

	frame_header(header, FRAME_BYE, sizeof(why) - 1);
	if (send(fd, header, sizeof(header), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(header))
		send(fd, why, sizeof(why) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void welcome(struct manage *m, int fd)
{
	struct start *start = malloc(sizeof(*start));
	int vty = start ? take_place(m) : -1, err;

	if (vty < 0) {
		turn_away(fd);
		free(start);
		return;
	}
	*start = (struct start){m, (unsigned)vty, fd};
	pthread_mutex_lock(&m->lock);
	m->sessions[vty].place = PLACE_USED;
	m->sessions[vty].session = NULL;
	err = thread_start(m, &m->sessions[vty].thread, session_thread, start);
	if (err)
		m->sessions[vty].place = PLACE_FREE;
	pthread_mutex_unlock(&m->lock);
	if (err) {
		turn_away(fd);
		free(start);
	}
}

static void *listener_thread(void *arg)
{
	struct manage *m = arg;
	struct pollfd p[2] = {{.fd = m->listen_fd, .events = POLLIN},
	                      {.fd = m->stop_fd, .events = POLLIN}};

	lower_priority();
	while (poll(p, 2, -1) >= 0 || errno == EINTR) {
		int fd;

		if (p[1].revents)
			break;
		fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			welcome(m, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			usleep(100000);
	}
	return NULL;
}

// ---- the socket

static void make_directory(const char *path)
{
	char copy[CONFIG_PATH];

	snprintf(copy, sizeof(copy), "%s", path);
	if (mkdir(dirname(copy), 0755) < 0 && errno != EEXIST)
		fprintf(stderr, "vigild: %s: %s\n", copy, strerror(errno));
}

// Nobody answers on the socket that is there: it is left over from an earlier run.
static int remove_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN)
		err = -EADDRINUSE;
	else if (stat(addr->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(addr->sun_path);
	close(fd);
	return err;
}

// Nobody can connect before listen(), so the mode is right from the first client on.
static int listen_on(struct manage *m, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct group *group;
	int err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	make_directory(path);
	err = remove_stale(&addr);
	if (err)
		return err;
	m->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->listen_fd < 0 || bind(m->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	snprintf(m->socket_path, sizeof(m->socket_path), "%s", path);
	group = getgrnam(GROUP);
	if (group && chown(path, (uid_t)-1, group->gr_gid) < 0)
		fprintf(stderr, "vigild: %s: group %s: %s\n", path, GROUP, strerror(errno));
	if (chmod(path, SOCKET_MODE) < 0 || listen(m->listen_fd, SESSIONS_MAX) < 0)
		return -errno;
	return 0;
}

// ---- start and stop

// The CPUs that the process had before EAL bound this thread, without those of workers and control
// core unless nothing would be left.
static void choose_cpus(struct manage *m, const struct control *c)
{
	const struct config_platform *p = &c->config->platform;
	cpu_set_t others;

	log_writer_cpus(&c->log, &m->cpus);
	others = m->cpus;
	for (unsigned i = 0; i < p->n_worker_cores; i++)
		CPU_CLR(p->worker_cores[i], &others);
	if (p->control_core >= 0)
		CPU_CLR((unsigned)p->control_core, &others);
	if (CPU_COUNT(&others))
		m->cpus = others;
}

static void listen_close(struct manage *m)
{
	if (m->socket_path[0])
		unlink(m->socket_path);
	if (m->listen_fd >= 0)
		close(m->listen_fd);
}

static void manage_free(struct manage *m)
{
	listen_close(m);
	if (m->stop_fd >= 0)
		close(m->stop_fd);
	request_queue_destroy(m->queue);
	free(m->running);
	free(m);
}

static int manage_init(struct manage *m, struct control *c, const char *socket_path,
                       const char *startup)
{
	m->log = &c->log;
	m->listen_fd = m->stop_fd = -1;
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->save_lock, NULL);
	clock_gettime(CLOCK_MONOTONIC, &m->started);
	snprintf(m->startup, sizeof(m->startup), "%s", startup);
	choose_cpus(m, c);
	exec_commands(); // a mistake in the table shows at the start
	m->queue = request_queue_create(m);
	m->running = calloc(1, sizeof(*m->running));
	if (!m->queue || !m->running)
		return -ENOMEM;
	*m->running = (struct running){.config = c->config, .refs = 1};
	m->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return m->stop_fd < 0 ? -errno : listen_on(m, socket_path);
}

int manage_start(struct control *c, const char *socket_path, const char *startup)
{
	struct manage *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	err = manage_init(m, c, socket_path, startup);
	c->shown = counters_create(c);
	if (!err && !c->shown)
		err = -ENOMEM;
	if (!err)
		err = thread_start(m, &m->listener, listener_thread, m);
	if (err) {
		fprintf(stderr, "vigild: command line socket %s: %s\n", socket_path,
		        strerror(-err));
		manage_free(m);
		counters_destroy(c->shown);
		c->shown = NULL;
		return err;
	}
	c->requests = m->queue;
	(void)dp_control_watch(c->dp, request_queue_fd(m->queue));
	return 0;
}

static unsigned sessions_used(struct manage *m)
{
	unsigned n = 0;

	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		n += m->sessions[i].place == PLACE_USED;
	pthread_mutex_unlock(&m->lock);
	return n;
}

// Refuses requests until every session's thread has come to its end. One that hangs, at a file on a
// server that is away, is not waited for without end. Returns how many are left.
static unsigned end_sessions(struct manage *m)
{
	unsigned used;

	for (unsigned ms = 0;; ms++) {
		request_refuse_all(m->queue);
		used = sessions_used(m);
		if (used == 0 || ms >= END_MS)
			break;
		usleep(1000);
	}
	for (unsigned i = 0; i < SESSIONS_MAX && used == 0; i++)
		if (m->sessions[i].place == PLACE_ENDED)
			pthread_join(m->sessions[i].thread, NULL);
	return used;
}

void manage_stop(struct control *c)
{
	static const uint64_t one = 1;
	struct manage *m = c->requests ? request_queue_owner(c->requests) : NULL;
	unsigned left;

	if (!m)
		return;
	if (write(m->stop_fd, &one, sizeof(one)) < 0)
		abort(); // an eventfd that was never written to takes a one
	pthread_join(m->listener, NULL);
	left = end_sessions(m);
	c->requests = NULL;
	dp_control_unwatch(c->dp, request_queue_fd(m->queue));
	if (left) {
		log_msg(&c->log, LOG_WARNING, "SYS", "SESSIONS",
		        "%u sessions of the command line hang and are left alone", left);
		listen_close(m); // the rest is still theirs
	} else {
		manage_free(m);
	}
	counters_destroy(c->shown);
	c->shown = NULL;
}
