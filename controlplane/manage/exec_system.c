// The show commands of the gateway itself, and the configuration files. Helper threads only.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dp.h"
#include "exec.h"
#include "format.h"
#include "log_writer.h"
#include "render.h"
#include "secret.h"
#include "session.h"
#include "startup.h"

static struct session *session_of(const struct command_call *call)
{
	return call->user;
}

static uint32_t seconds_since(const struct timespec *then, clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec > then->tv_sec ? (uint32_t)(now.tv_sec - then->tv_sec) : 0;
}

// ---- version and counters

int exec_show_version(struct command_call *call)
{
	struct session *s = session_of(call);
	struct running *r;
	int err;

	session_request(s, REQUEST_STATUS);
	err = session_ask(s);
	if (err || !s->request->n)
		return err;
	const struct status_view *v = &s->request->views[0].status;

	r = state_get(s->m);
	session_printf(s, "Vigil IPsec gateway, Version %s\n%s\n\n%s uptime is ", VIGIL_VERSION,
	               dp_version(), r->config->hostname);
	format_long_time(seconds_since(&s->m->started, CLOCK_MONOTONIC), &s->out);
	session_printf(s, "\nStartup configuration file is \"%s\"\n\n", s->m->startup);
	session_printf(s, "%u packet worker%s, %u interface%s\n", v->workers,
	               v->workers == 1 ? "" : "s", r->config->platform.n_ports,
	               r->config->platform.n_ports == 1 ? "" : "s");
	session_printf(s,
	               "%u of %u peers, %u ISAKMP SAs (%u being negotiated), "
	               "%u pairs of IPsec SAs (limit %u SAs)\n",
	               v->peers, v->max_peers, v->ike_sas, v->half_open, v->children, v->max_sas);
	state_put(s->m, r);
	return 0;
}

static void counter_view(void *arg, const struct view *v, struct text *out)
{
	if (v->counter.value || *(const bool *)arg)
		text_printf(out, "%20llu  %s\n", (unsigned long long)v->counter.value,
		            v->counter.name);
}

int exec_show_counters(struct command_call *call)
{
	bool all = command_has(call, "all");
	struct session *s = session_of(call);

	session_printf(s, "%20s  %s\n", "Value", "Counter (all workers, then control core)");
	session_request(s, REQUEST_COUNTERS);
	return session_each(s, counter_view, &all);
}

// ---- log

static const char *const levels[] = {"emergencies", "alerts",        "critical",      "errors",
                                     "warnings",    "notifications", "informational", "debugging"};

int exec_show_logging(struct command_call *call)
{
	struct session *s = session_of(call);
	struct log_writer_stats l;

	log_writer_stats(s->m->log, &l);
	session_printf(s, "Syslog logging: %s (%llu messages logged, %llu lost)\n\n",
	               l.logging.on ? "enabled" : "disabled", (unsigned long long)l.logged,
	               (unsigned long long)l.lost);
	if (l.logging.console >= 0)
		session_printf(s, "    Console logging: level %s, %llu messages, %llu lost\n",
		               levels[l.logging.console], (unsigned long long)l.console_lines,
		               (unsigned long long)l.console_lost);
	else
		session_printf(s, "    Console logging: disabled\n");
	session_printf(s, "    Monitor logging: level debugging, %u terminals\n", l.taps);
	if (l.logging.buffered)
		session_printf(s, "    Buffer logging:  level debugging, %llu messages\n",
		               (unsigned long long)l.buffered);
	else
		session_printf(s, "    Buffer logging:  disabled\n");
	if (l.logging.file[0])
		session_printf(s, "    File logging:    %s, %llu messages%s%s\n", l.logging.file,
		               (unsigned long long)l.file_lines, l.file_error[0] ? ", " : "",
		               l.file_error);
	else
		session_printf(s, "    File logging:    disabled\n");
	if (!l.logging.buffered)
		return 0;
	session_printf(s, "\nLog Buffer (%u bytes):\n\n", l.logging.buffered);
	log_writer_history(s->m->log, &s->out);
	return 0;
}

int exec_show_debugging(struct command_call *call)
{
	struct session *s = session_of(call);
	int err;

	session_request(s, REQUEST_STATUS);
	err = session_ask(s);
	if (err || !s->request->n)
		return err;
	if (s->request->views[0].status.debug_isakmp || s->request->views[0].status.debug_ipsec)
		session_printf(s, "\nCryptographic Subsystem:\n");
	if (s->request->views[0].status.debug_isakmp)
		session_printf(s, "  Crypto ISAKMP debugging is on\n");
	if (s->request->views[0].status.debug_ipsec)
		session_printf(s, "  Crypto IPSEC debugging is on\n");
	return 0;
}

// ---- clock, history, users

int exec_show_clock(struct command_call *call)
{
	struct timespec now;
	struct tm tm;
	char date[64];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "UTC %a %b %-d %Y", &tm);
	session_printf(session_of(call), "*%02d:%02d:%02d.%03d %s\n", tm.tm_hour, tm.tm_min,
	               tm.tm_sec, (int)(now.tv_nsec / 1000000), date);
	return 0;
}

int exec_show_history(struct command_call *call)
{
	struct session *s = session_of(call);
	unsigned n = s->n_history < SESSION_HISTORY ? s->n_history : SESSION_HISTORY;

	for (unsigned i = s->n_history - n; i < s->n_history; i++)
		if (s->history[i % SESSION_HISTORY])
			session_printf(s, "  %s\n", s->history[i % SESSION_HISTORY]);
	return 0;
}

int exec_show_users(struct command_call *call)
{
	struct session *self = session_of(call), *s;
	struct manage *m = self->m;
	char idle[FORMAT_TIME];
	struct timespec last = {0};
	struct text t = {0};

	text_printf(&t, "    Line       User       Process    Idle       Mode\n");
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		s = m->sessions[i].session;
		if (!s)
			continue;
		// Relaxed: only to be shown.
		last.tv_sec = atomic_load_explicit(&s->last_input, memory_order_relaxed);
		text_printf(&t, "%c %2u vty %-3u   %-10s %-10d %-10s %s\n", s == self ? '*' : ' ',
		            i, i, s->user, s->pid,
		            format_hms(seconds_since(&last, CLOCK_MONOTONIC), idle),
		            m->writer == s ? "configuration" : "exec");
	}
	pthread_mutex_unlock(&m->lock);
	if (t.data)
		session_printf(self, "%s", t.data);
	text_fini(&t);
	return 0;
}

int exec_show_privilege(struct command_call *call)
{
	struct session *s = session_of(call);

	session_printf(s, "Current privilege level is %u\n", s->mode == MODE_EXEC_USER ? 1 : 15);
	return 0;
}

// ---- configurations

// Leaves of a whole configuration an interface's lines.
static void keep_interface(struct text *t, const char *name)
{
	char head[CONFIG_NAME + 16];
	struct text part = {0};
	const char *line;

	snprintf(head, sizeof(head), "\ninterface %s\n", name);
	line = t->data ? strstr(t->data, head) : NULL;
	text_printf(&part, "!\ninterface %s\n", name);
	if (line)
		line += strlen(head);
	while (line && *line == ' ') {
		size_t n = strcspn(line, "\n") + 1;

		text_put(&part, line, n);
		line += n;
	}
	text_printf(&part, "end\n\n");
	secret_wipe(t->data, t->len);
	text_fini(t);
	*t = part;
}

int exec_show_running(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "ifname");
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);
	struct text t = {0};
	int err = exec_find_interface(call);

	if (err) {
		state_put(s->m, r);
		return err;
	}
	err = render_config(r->config, &t);
	state_put(s->m, r);
	if (!err && !t.failed && name)
		keep_interface(&t, name->text);
	if (!err && !t.failed) {
		session_printf(s,
		               "Building configuration...\n\nCurrent configuration : %zu bytes\n",
		               t.len);
		text_put(&s->out, t.data, t.len);
	}
	text_fini(&t);
	return err ? command_fail(call, NULL, "Out of memory") : 0;
}

int exec_show_startup(struct command_call *call)
{
	struct session *s = session_of(call);
	struct text t = {0};
	int err = startup_read(s->m->startup, &t);

	if (err) {
		text_fini(&t);
		return command_fail(call, NULL, "%s: %s", s->m->startup, strerror(-err));
	}
	session_printf(s, "Using %zu bytes, %s\n", t.len, s->m->startup);
	text_put(&s->out, t.data, t.len);
	text_fini(&t);
	return 0;
}

int exec_save(struct command_call *call)
{
	struct session *s = session_of(call);
	struct running *r;
	char why[512] = "";
	int err;

	if (configure_waits(s))
		session_printf(s,
		               "%% What was typed in this crypto map is not applied before it is "
		               "left, and is not saved\n");
	session_printf(s, "Building configuration...\n");
	session_flush(s);
	pthread_mutex_lock(&s->m->save_lock);
	r = state_get(s->m); // who waited for the lock saves what runs now
	err = startup_save(s->m->startup, r->config, why, sizeof(why));
	pthread_mutex_unlock(&s->m->save_lock);
	state_put(s->m, r);
	if (err) {
		command_fail(call, NULL, "%s", why);
		return err;
	}
	session_printf(s, "[OK]\n");
	return 0;
}
