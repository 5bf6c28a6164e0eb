// The show commands of tunnels, maps and interfaces: asks the control core for views and hands them
// to the formatters. Helper threads only.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec.h"
#include "session.h"
#include "show_interface.h"
#include "show_ipsec.h"
#include "show_ipv6.h"
#include "show_isakmp.h"
#include "show_map.h"
#include "show_platform.h"
#include "show_route.h"
#include "show_session.h"

static struct session *session_of(const struct command_call *call)
{
	return call->user;
}

int exec_find_interface(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "ifname");
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);
	bool known = !name || config_find_port(r->config, name->text) ||
	             config_find_interface(r->config, name->text);

	state_put(s->m, r);
	return known ? 0 : command_fail(call, name, "There is no port of this name");
}

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
	snprintf(f->map, sizeof(f->map), "%s", command_text(call, "name"));
	snprintf(f->iface, sizeof(f->iface), "%s", command_text(call, "ifname"));
}

// ---- sessions

static void session_view(void *arg, const struct view *v, struct text *out)
{
	session_format_view(arg, v, out);
}

int exec_show_session(struct command_call *call)
{
	struct session *s = session_of(call);
	struct session_format f;
	int err = exec_no_vrf(call, "");

	if (err)
		return err;

	session_format_init(&f,
	                    command_has(call, "detail")  ? SESSION_DETAIL
	                    : command_has(call, "brief") ? SESSION_BRIEF
	                                                 : SESSION_NORMAL,
	                    &s->out);
	session_request(s, REQUEST_SESSIONS);
	set_filter(call, &s->request->filter);
	err = session_each(s, session_view, &f);
	session_format_end(&f, &s->out);
	return err;
}

// ---- isakmp

struct isakmp_section {
	uint8_t family;
	bool detail;
};

static void isakmp_line(void *arg, const struct view *v, struct text *out)
{
	const struct isakmp_section *s = arg;

	if (v->ike.remote.family == s->family)
		isakmp_sa_line(&v->ike, s->detail, out);
}

static void isakmp_count(void *arg, const struct view *v, struct text *out)
{
	(void)out;
	isakmp_count_add(arg, &v->ike);
}

int exec_show_isakmp_sa(struct command_call *call)
{
	struct session *s = session_of(call);
	struct isakmp_section section = {.family = 4, .detail = command_has(call, "detail")};
	struct isakmp_count n = {0};
	int err;

	session_request(s, REQUEST_IKE_SAS);
	if (command_has(call, "count")) {
		err = session_each(s, isakmp_count, &n);
		if (!err)
			isakmp_count_print(&n, &s->out);
		return err;
	}
	isakmp_sa_head(section.detail, &s->out);
	err = session_each(s, isakmp_line, &section);
	if (err)
		return err;
	isakmp_sa_head6(section.detail, &s->out);
	section.family = 6;
	session_request(s, REQUEST_IKE_SAS);
	return session_each(s, isakmp_line, &section);
}

static void peer_view(void *arg, const struct view *v, struct text *out)
{
	(void)arg;
	isakmp_peer(&v->peer, out);
}

int exec_show_isakmp_peers(struct command_call *call)
{
	struct session *s = session_of(call);

	session_request(s, REQUEST_PEERS);
	set_filter(call, &s->request->filter);
	return session_each(s, peer_view, NULL);
}

int exec_show_isakmp_policy(struct command_call *call)
{
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);

	isakmp_policies(r->config, &s->out);
	state_put(s->m, r);
	return 0;
}

int exec_show_isakmp_key(struct command_call *call)
{
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);

	isakmp_keys(r->config, &s->out);
	state_put(s->m, r);
	return 0;
}

// ---- ipsec

static void ipsec_view(void *arg, const struct view *v, struct text *out)
{
	ipsec_format_view(arg, v, out);
}

int exec_show_ipsec_sa(struct command_call *call)
{
	struct session *s = session_of(call);
	struct ipsec_format f = {.identity = command_has(call, "identity"),
	                         .detail = command_has(call, "detail")};
	int err = exec_find_interface(call);

	if (err)
		return err;

	session_request(s, REQUEST_IPSEC_SAS);
	set_filter(call, &s->request->filter);
	err = session_each(s, ipsec_view, &f);
	if (!err)
		ipsec_format_end(&f, &s->out);
	return err;
}

int exec_show_transform_sets(struct command_call *call)
{
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);

	ipsec_transform_sets(r->config, &s->out);
	state_put(s->m, r);
	return 0;
}

// ---- maps and lists

static void flow_view(void *arg, const struct view *v, struct text *out)
{
	(void)out;
	map_peers_add(arg, &v->flow);
}

int exec_show_map(struct command_call *call)
{
	const struct command_arg *tag = command_arg(call, "name"),
				 *iface = command_arg(call, "ifname");
	struct session *s = session_of(call);
	struct map_peers current = {0};
	struct running *r;
	int err;

	session_request(s, REQUEST_FLOWS);
	err = session_each(s, flow_view, &current);
	if (!err) {
		map_peers_sort(&current);
		r = state_get(s->m);
		map_print(r->config, &current, tag ? tag->text : NULL, iface ? iface->text : NULL,
		          &s->out);
		state_put(s->m, r);
	}
	map_peers_free(&current);
	return err;
}

int exec_show_dynamic_map(struct command_call *call)
{
	const struct command_arg *tag = command_arg(call, "name");
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);

	map_print_dynamic(r->config, tag ? tag->text : NULL, &s->out);
	state_put(s->m, r);
	return 0;
}

int exec_show_access_lists(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "name");
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);

	map_access_lists(r->config, name ? name->text : NULL, &s->out);
	state_put(s->m, r);
	return 0;
}

int exec_show_ipv6_access_lists(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "name");
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);

	map_access_lists6(r->config, name ? name->text : NULL, &s->out);
	state_put(s->m, r);
	return 0;
}

// ---- interfaces, routes

struct interfaces {
	const struct config *config;
	const char *name; // only this one, NULL = all
	void (*print)(const struct config *c, const struct interface_view *v, struct text *out);
	unsigned printed;
};

static void interface_view(void *arg, const struct view *v, struct text *out)
{
	struct interfaces *i = arg;

	if (i->name && strcmp(i->name, v->interface.name) != 0)
		return;
	i->printed++;
	i->print(i->config, &v->interface, out);
}

static int show_interfaces(struct command_call *call, struct interfaces *i)
{
	const struct command_arg *name = command_arg(call, "ifname");
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);
	int err;

	i->config = r->config;
	i->name = name ? name->text : NULL;
	session_request(s, REQUEST_INTERFACES);
	err = session_each(s, interface_view, i);
	state_put(s->m, r);
	if (!err && name && !i->printed)
		return command_fail(call, name, "There is no port of this name");
	return err;
}

int exec_show_interfaces(struct command_call *call)
{
	struct interfaces i = {.print = interface_print};

	if (command_has(call, "description")) {
		i.print = interface_description;
		interface_description_head(&session_of(call)->out);
	}
	return show_interfaces(call, &i);
}

int exec_show_ip_brief(struct command_call *call)
{
	struct interfaces i = {.print = interface_brief};

	interface_brief_head(&session_of(call)->out);
	return show_interfaces(call, &i);
}

int exec_show_ipv6_interface(struct command_call *call)
{
	struct interfaces i = {.print = command_has(call, "brief") ? ipv6_brief : ipv6_interface};

	return show_interfaces(call, &i);
}

struct routes {
	const struct config *config;
	struct route_interface *interfaces;
};

static void note_interface(void *arg, const struct view *v, struct text *out)
{
	const struct routes *r = arg;

	(void)out;
	route_note(r->config, &v->interface, r->interfaces);
}

static int print_routes(struct command_call *call, const struct routes *r, bool ipv6)
{
	const struct command_arg *to = command_arg(call, "dst");
	struct text *out = &session_of(call)->out;
	int err;

	if (ipv6)
		return route_print6(r->config, r->interfaces, out);
	if (!to)
		return route_print(r->config, r->interfaces, out);
	err = route_print_to(r->config, r->interfaces, &to->addr, out);
	return err == -ENOENT ? command_fail(call, NULL, "Network not in table") : err;
}

static int show_routes(struct command_call *call, bool ipv6)
{
	struct session *s = session_of(call);
	struct running *r = state_get(s->m);
	struct routes routes = {.config = r->config};
	int err = -ENOMEM;

	routes.interfaces = calloc(r->config->n_interfaces + 1u, sizeof(*routes.interfaces));
	if (routes.interfaces) {
		session_request(s, REQUEST_INTERFACES);
		err = session_each(s, note_interface, &routes);
	}
	if (!err)
		err = print_routes(call, &routes, ipv6);
	free(routes.interfaces);
	state_put(s->m, r);
	return err;
}

int exec_show_ip_route(struct command_call *call)
{
	return show_routes(call, false);
}

int exec_show_ipv6_route(struct command_call *call)
{
	return show_routes(call, true);
}

static void arp_view(void *arg, const struct view *v, struct text *out)
{
	(void)arg;
	if (v->arp.entry.addr.family == 4)
		interface_arp(&v->arp, out);
}

static void neighbor_view(void *arg, const struct view *v, struct text *out)
{
	(void)arg;
	if (v->arp.entry.addr.family == 6)
		ipv6_neighbor(&v->arp, out);
}

int exec_show_ipv6_neighbors(struct command_call *call)
{
	struct session *s = session_of(call);

	ipv6_neighbors_head(&s->out);
	session_request(s, REQUEST_ARP);
	return session_each(s, neighbor_view, NULL);
}

int exec_show_arp(struct command_call *call)
{
	struct session *s = session_of(call);

	interface_arp_head(&s->out);
	session_request(s, REQUEST_ARP);
	return session_each(s, arp_view, NULL);
}

// ---- cores

struct workers {
	const struct command_arg *only; // NULL = all
	bool detail;
	bool in; // the counters that follow are of a worker that is shown
	unsigned shown;
};

static void worker_view(void *arg, const struct view *v, struct text *out)
{
	struct workers *k = arg;

	if (v->kind == VIEW_COUNTER) {
		if (k->in && k->detail)
			platform_drop(&v->counter, out);
		return;
	}
	k->in = !k->only || k->only->number == v->worker.worker;
	if (!k->in)
		return;
	if (k->detail)
		platform_worker_detail(&v->worker, out);
	else
		platform_worker(&v->worker, out);
	k->shown++;
}

int exec_show_workers(struct command_call *call)
{
	struct workers k = {.only = command_arg(call, "worker"),
	                    .detail = command_has(call, "detail")};
	struct session *s = session_of(call);
	int err;

	if (!k.detail)
		platform_workers_head(&s->out);
	session_request(s, REQUEST_WORKERS);
	err = session_each(s, worker_view, &k);
	if (!err && k.only && !k.shown)
		return command_fail(call, k.only, "There is no such worker");
	return err;
}

static void control_view(void *arg, const struct view *v, struct text *out)
{
	(void)arg;
	platform_control(&v->control, out);
}

int exec_show_control(struct command_call *call)
{
	struct session *s = session_of(call);

	session_request(s, REQUEST_CONTROL);
	return session_each(s, control_view, NULL);
}

// KiB, 0 = unknown.
static unsigned long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static void memory_view(void *arg, const struct view *v, struct text *out)
{
	(void)arg;
	platform_memory(&v->memory, resident(), out);
}

int exec_show_memory(struct command_call *call)
{
	struct session *s = session_of(call);

	session_request(s, REQUEST_MEMORY);
	return session_each(s, memory_view, NULL);
}

static void port_view(void *arg, const struct view *v, struct text *out)
{
	(void)arg;
	platform_port(&v->port, out);
}

int exec_show_ports(struct command_call *call)
{
	struct session *s = session_of(call);

	session_request(s, REQUEST_PORTS);
	return session_each(s, port_view, NULL);
}
