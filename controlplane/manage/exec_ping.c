// `ping`. Helper threads only: a session's own thread sends an echo, looks for its answer and waits
// in between; the control core waits for nothing.
#include <errno.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "exec.h"
#include "session.h"
#include "show_interface.h"

#define REPEAT    5
#define SIZE      100
#define TIMEOUT_S 2
#define LOOK_MS   2 // between two looks for an answer

struct ping {
	struct echo_order order;
	bool own; // to an address of the gateway that is up
	unsigned repeat, timeout_ms;
	unsigned sent, answered;
	uint64_t min_us, max_us, sum_us;
};

// One of the gateway's addresses: as given, or an interface's.
struct source {
	const struct config *config;
	const struct ip_addr *addr; // NULL: not this one
	const char *name;           // NULL: of no interface
	struct ip_addr found;       // family 0: none yet
};

static void consider(struct source *s, const char *name, const struct ip_addr *addr)
{
	if (addr->family && !s->found.family && (!s->addr || addr_equal(addr, s->addr)) &&
	    (!s->name || strcmp(name, s->name) == 0))
		s->found = *addr;
}

// IPv6 addresses depend on the port's MAC address. A link-local one is no source beyond its link.
static void consider6(void *arg, const struct view *v, struct text *out)
{
	const struct interface_view *i = &v->interface;
	struct config_address6 six[CONFIG_ADDRESSES6];
	const struct config_interface *iface;
	struct source *s = arg;
	unsigned n;

	(void)out;
	iface = config_find_interface(s->config, i->name);
	n = iface ? config_addresses6(iface, i->info.mac, six) : 0;
	for (unsigned k = 0; k < n; k++)
		if (!six[k].link_local)
			consider(s, i->name, &six[k].addr);
}

static int find_source(struct command_call *call, const struct config *c, bool v6,
                       struct ip_addr *out)
{
	const struct command_arg *addr = command_arg(call, "saddr");
	const struct command_arg *name = command_arg(call, "ifname");
	struct session *session = call->user;
	struct source s = {
		.config = c, .addr = addr ? &addr->addr : NULL, .name = name ? name->text : NULL};
	int err = 0;

	if (!addr && !name)
		return 0;
	if (v6) {
		session_request(session, REQUEST_INTERFACES);
		err = session_each(session, consider6, &s);
	} else {
		for (uint32_t i = 0; i < c->n_interfaces; i++)
			consider(&s, c->interfaces[i].name, &c->interfaces[i].address);
	}
	if (!err && !s.found.family)
		return command_fail(call, addr ? addr : name,
		                    "Invalid source: expected an address of this gateway, or an "
		                    "interface that has one");
	*out = s.found;
	return err;
}

struct own {
	const struct config *config;
	struct ip_addr addr;
	bool found;
};

static void consider_own(void *arg, const struct view *v, struct text *out)
{
	const struct interface_view *i = &v->interface;
	const struct config_interface *iface;
	struct own *o = arg;

	(void)out;
	iface = config_find_interface(o->config, i->name);
	if (!iface || !interface_works(o->config, i))
		return;
	o->found = o->found || addr_equal(&iface->address, &o->addr);
	for (unsigned k = 0; k < i->n_addresses6; k++)
		o->found = o->found || (i->addresses6[k].state == ND_VALID &&
		                        addr_equal(&i->addresses6[k].addr, &o->addr));
}

// The gateway's own addresses: no packet goes anywhere for them.
static int find_own(struct session *s, const struct config *c, struct ping *p)
{
	struct own own = {.config = c, .addr = p->order.dst};
	int err;

	session_request(s, REQUEST_INTERFACES);
	err = session_each(s, consider_own, &own);
	p->own = own.found;
	return err;
}

static int parse(struct command_call *call, struct session *s, struct ping *p)
{
	struct running *r = state_get(s->m);
	int err;

	*p = (struct ping){
		.order = {.dst = command_arg(call, "dst")->addr,
	                  .size = (uint16_t)command_number(call, "bytes", SIZE),
	                  .df = command_has(call, "df-bit")},
		.repeat = (unsigned)command_number(call, "n", REPEAT),
		.timeout_ms = (unsigned)command_number(call, "s", TIMEOUT_S) * 1000,
		.min_us = UINT64_MAX,
	};
	err = find_source(call, r->config, p->order.dst.family == 6, &p->order.src);
	if (!err)
		err = find_own(s, r->config, p);
	state_put(s->m, r);
	return err;
}

static void print_head(struct session *s, const struct ping *p)
{
	char text[ADDR_TEXT];

	session_printf(s,
	               "Type escape sequence to abort.\n"
	               "Sending %u, %u-byte ICMP Echos to %s, timeout is %u seconds:\n",
	               p->repeat, p->order.size, addr_format(&p->order.dst, text),
	               p->timeout_ms / 1000);
	if (p->order.src.family)
		session_printf(s, "Packet sent with a source address of %s \n",
		               addr_format(&p->order.src, text));
	if (p->order.df)
		session_printf(s, "Packet sent with the DF bit set\n");
}

static void print_result(struct session *s, const struct ping *p)
{
	session_printf(s, "\nSuccess rate is %u percent (%u/%u)",
	               p->sent ? p->answered * 100 / p->sent : 0, p->answered, p->sent);
	if (p->answered)
		session_printf(s, ", round-trip min/avg/max = %llu/%llu/%llu ms",
		               (unsigned long long)p->min_us / 1000,
		               (unsigned long long)(p->sum_us / p->answered) / 1000,
		               (unsigned long long)p->max_us / 1000);
	session_printf(s, "\n");
}

static int ask(struct session *s, struct ping *p, enum request_kind kind)
{
	int err;

	session_request(s, kind);
	s->request->echo = p->order;
	err = session_ask(s);
	if (!err)
		p->order = s->request->echo;
	return err;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// One for which nothing is waited for. 0 or -errno: the command ends.
static int pass_over(struct session *s)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};

	nanosleep(&pause, NULL);
	return session_flush(s) ? 0 : -EINTR;
}

// Waits for the answer to the one that was sent. 0 or -errno: the command ends.
static int wait_answer(struct session *s, struct ping *p)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	uint64_t end = now_ms() + p->timeout_ms;
	int err;

	do {
		nanosleep(&pause, NULL);
		err = session_flush(s) ? ask(s, p, REQUEST_ECHO_LOOK) : -EINTR;
	} while (!err && !p->order.answered && now_ms() < end);
	return err;
}

static void count(struct ping *p)
{
	uint64_t rtt = p->order.rtt_us;

	p->answered++;
	p->sum_us += rtt;
	p->min_us = rtt < p->min_us ? rtt : p->min_us;
	p->max_us = rtt > p->max_us ? rtt : p->max_us;
}

int exec_ping(struct command_call *call)
{
	struct session *s = call->user;
	struct ping p;
	int err = parse(call, s, &p);

	if (err)
		return err;
	print_head(s, &p);
	while (p.sent < p.repeat) {
		err = p.own ? 0 : ask(s, &p, REQUEST_ECHO_SEND);
		if (err)
			break;
		p.sent++;
		p.order.answered = p.own;
		// Without a route nothing was sent, and nobody waits for an answer.
		err = p.own || p.order.err == -EHOSTUNREACH ? pass_over(s) : wait_answer(s, &p);
		if (err)
			break;
		if (p.order.answered)
			count(&p);
		session_printf(s, p.order.answered ? "!" : ".");
		if (p.sent % 70 == 0)
			session_printf(s, "\n");
	}
	if (err == -EINTR)
		s->interrupted = false; // what was learned is still wanted
	print_result(s, &p);
	if (!p.answered)
		session_fail(s);
	return 0;
}
