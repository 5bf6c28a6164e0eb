// EXEC commands that change something: mode, terminal, debugging, clear. Helper threads only; what
// concerns the control core's objects goes to it as a request.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exec.h"
#include "log_writer.h"
#include "secret.h"
#include "session.h"

#define TRIES 3

static struct session *session_of(const struct command_call *call)
{
	return call->user;
}

int exec_inactive(struct command_call *call)
{
	return command_fail(call, NULL, "Not active in this version");
}

int exec_help(struct command_call *call)
{
	session_printf(session_of(call),
	               "Type '?' at any point of a line to see what may follow, or directly behind "
	               "a word to see\nthe words that start so. A word may be shortened as long as "
	               "it is unique; the Tab key\ncompletes it. '| include RE', exclude, begin, "
	               "section and count filter what show prints.\n");
	return 0;
}

// ---- modes

int exec_enable(struct command_call *call)
{
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);
	bool ok = !config_enable_hash(r->config)[0];
	char typed[256];

	for (unsigned i = 0; !ok && i < TRIES; i++) {
		if (!session_secret(s, "Password: ", typed, sizeof(typed)))
			break;
		ok = config_enable_check(r->config, typed);
		secret_wipe(typed, sizeof(typed));
	}
	state_put(s->m, r);
	if (ok) {
		if (s->mode < MODE_CONFIG)
			s->mode = MODE_EXEC;
		return 0;
	}
	if (!s->gone && !s->interrupted) {
		session_error(s, "Bad secrets");
		log_msg(s->m->log, LOG_WARNING, "SEC_LOGIN", "ENABLE_FAILED",
		        "Bad enable secret from %s on vty%u", s->user, s->vty);
	}
	session_fail(s);
	return -EACCES;
}

int exec_disable(struct command_call *call)
{
	struct session *s = session_of(call);

	if (s->mode < MODE_CONFIG)
		s->mode = MODE_EXEC_USER;
	return 0;
}

int exec_leave(struct command_call *call)
{
	struct session *s = session_of(call);

	// `do exit` in a configuration mode ends nothing, as in IOS.
	if (s->mode < MODE_CONFIG)
		session_leave(s);
	return 0;
}

int exec_configure(struct command_call *call)
{
	struct session *s = session_of(call);

	if (s->mode < MODE_CONFIG)
		configure_enter(s);
	return 0;
}

// ---- terminal

int exec_terminal_length(struct command_call *call)
{
	session_of(call)->length = (uint16_t)command_number(call, "lines", 0);
	return 0;
}

int exec_terminal_width(struct command_call *call)
{
	session_of(call)->width = (uint16_t)command_number(call, "columns", 0);
	return 0;
}

int exec_terminal_monitor(struct command_call *call)
{
	if (session_monitor(session_of(call), !command_has(call, "no")) < 0)
		return command_fail(call, NULL, "Out of memory");
	return 0;
}

// ---- debugging

static int set_debug(struct session *s, enum request_switch isakmp, enum request_switch ipsec)
{
	session_request(s, REQUEST_DEBUG);
	s->request->debug_isakmp = isakmp;
	s->request->debug_ipsec = ipsec;
	return session_ask(s);
}

static int switch_one(struct command_call *call, bool on)
{
	struct session *s = session_of(call);
	bool isakmp = command_has(call, "isakmp");
	enum request_switch to = on ? REQUEST_ON : REQUEST_OFF;
	int err = set_debug(s, isakmp ? to : REQUEST_KEEP, isakmp ? REQUEST_KEEP : to);

	if (!err)
		session_printf(s, "Crypto %s debugging is %s\n", isakmp ? "ISAKMP" : "IPSEC",
		               on ? "on" : "off");
	return err;
}

// Who turns debugging on wants to see it. A script has nobody who looks.
int exec_debug(struct command_call *call)
{
	struct session *s = session_of(call);

	if (call->no)
		return switch_one(call, false);
	if (!s->script && session_monitor(s, true) < 0)
		return command_fail(call, NULL, "Out of memory");
	return switch_one(call, true);
}

int exec_undebug(struct command_call *call)
{
	struct session *s = session_of(call);
	int err;

	if (!command_has(call, "all"))
		return switch_one(call, false);
	err = set_debug(s, REQUEST_OFF, REQUEST_OFF);
	if (!err)
		session_printf(s, "All possible debugging has been turned off\n");
	return err;
}

// ---- clear

static void set_filter(struct command_call *call, struct request_filter *f)
{
	const struct command_arg *local = command_arg(call, "laddr"),
				 *remote = command_arg(call, "raddr");

	if (local)
		f->local = local->addr;
	if (remote)
		f->remote = remote->addr;
	f->local_port = (uint16_t)command_number(call, "lport", 0);
	f->remote_port = (uint16_t)command_number(call, "rport", 0);
	f->conn_id = (uint32_t)command_number(call, "id", 0);
	snprintf(f->map, sizeof(f->map), "%s", command_text(call, "name"));
}

static int clear(struct command_call *call, enum request_kind kind)
{
	struct session *s = session_of(call);
	int err;

	session_request(s, kind);
	set_filter(call, &s->request->filter);
	do
		err = session_ask(s);
	while (!err && !s->request->end);
	if (!err && kind == REQUEST_CLEAR_IKE && s->request->filter.conn_id && !s->request->count)
		return command_fail(call, command_arg(call, "id"), "There is no such connection");
	return err;
}

int exec_no_vrf(struct command_call *call, const char *what)
{
	const struct command_arg *front = command_arg(call, "fvrf"),
				 *inside = command_arg(call, "ivrf");

	if (!front && !inside)
		return 0;
	return command_fail(call, front ? front : inside, "VRFs are not active in this version%s",
	                    what);
}

int exec_clear_session(struct command_call *call)
{
	int err = exec_no_vrf(call, ", nothing was cleared");

	return err ? err : clear(call, REQUEST_CLEAR_SESSIONS);
}

int exec_clear_sa(struct command_call *call)
{
	return clear(call, REQUEST_CLEAR_SAS);
}

int exec_clear_sa_counters(struct command_call *call)
{
	return clear(call, REQUEST_CLEAR_TRAFFIC);
}

int exec_clear_isakmp(struct command_call *call)
{
	return clear(call, REQUEST_CLEAR_IKE);
}

int exec_clear_arp(struct command_call *call)
{
	return clear(call, REQUEST_CLEAR_ARP);
}

int exec_clear_counters(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "ifname");
	struct session *s = session_of(call);
	int err;

	session_request(s, REQUEST_CLEAR_COUNTERS);
	snprintf(s->request->filter.iface, sizeof(s->request->filter.iface), "%s",
	         name ? name->text : "");
	do
		err = session_ask(s);
	while (!err && !s->request->end);
	if (err)
		return err;
	if (name && !s->request->count)
		return command_fail(call, name, "There is no port of this name");
	log_msg(s->m->log, LOG_NOTICE, "CLEAR", "COUNTERS", "Clear counter on %s %s by %s on vty%u",
	        name ? "interface" : "all", name ? name->text : "interfaces", s->user, s->vty);
	return 0;
}

int exec_clear_logging(struct command_call *call)
{
	log_writer_clear(session_of(call)->m->log);
	return 0;
}
