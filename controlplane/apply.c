// Applies configurations: interfaces into the dataplane, crypto map entries into flows
// and policies. Control core only. Must not leave a gap in which protected traffic leaves in clear:
// an interface's policy is held while it changes.
#include "apply.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "control.h"
#include "entry.h"
#include "entry_peers.h"
#include "flow.h"
#include "flow_table.h"
#include "lost_networks.h"
#include "manual.h"
#include "nd.h"
#include "neighbour.h"
#include "peer.h"
#include "peer_timers.h"
#include "router.h"
#include "static_routes.h"
#include "subinterface.h"
#include "teardown.h"

// What is done of all entries, and of all peers, in one turn of the loop, so that it is short: more
// than a millisecond only where many of them have something to do, peers that end above all.
#define SLICE_ENTRIES 64
#define SLICE_PEERS   512

static const struct config_interface *interface_at(const struct control *c,
                                                   const struct config *config, unsigned iface)
{
	return config_find_interface(config, c->ports[iface]);
}

// The packets' memory was sized at the start.
static void limit_mtu(struct control *c, unsigned iface, struct dp_iface_config *dp)
{
	uint16_t mtu = dp->mtu6 > dp->mtu ? dp->mtu6 : dp->mtu;
	uint16_t most = dp_iface_mtu_max(c->dp, (uint16_t)iface);

	if (mtu <= most)
		return;
	log_msg(&c->log, LOG_WARNING, "LINK", "MTU",
	        "Interface %s: MTU %u is more than its device, or packets of the size chosen at "
	        "the start, can take: it is %u",
	        c->ports[iface], mtu, most);
	dp->mtu = dp->mtu < most ? dp->mtu : most;
	dp->mtu6 = dp->mtu6 < most ? dp->mtu6 : most;
}

static void apply_mtu_rules(const struct config *config, const struct config_interface *i,
                            struct dp_iface_config *dp)
{
	enum config_df df = config_interface_df(config, i);

	dp->df = df == CONFIG_DF_CLEAR ? DP_DF_CLEAR : df == CONFIG_DF_SET ? DP_DF_SET : DP_DF_COPY;
	dp->fragment_after =
		config_interface_fragmentation(config, i) == CONFIG_FRAGMENTATION_AFTER;
	dp->mss = i->mss;
	dp->mss6 = i->mss6;
}

static void apply_addresses6(struct control *c, uint16_t iface, const struct config_interface *i,
                             struct dp_iface_config *dp)
{
	struct config_address6 six[CONFIG_ADDRESSES6];
	uint8_t mac[6];
	unsigned n;

	dp_iface_mac(c->dp, iface, mac);
	n = dp->up ? config_addresses6(i, mac, six) : 0;
	nd_set_addresses(c, iface, six, n);
	for (unsigned k = 0; k < n; k++)
		if (nd_is_usable(c, iface, &six[k].addr))
			dp->addresses6[dp->n_addresses6++] = (struct dp_address6){
				six[k].addr, prefix_make(&six[k].addr, six[k].prefix_len)};
}

static void tell_failure(struct control *c, unsigned iface, const struct dp_iface_config *dp,
                         int err)
{
	if (err == -EMSGSIZE)
		log_msg(&c->log, LOG_WARNING, "LINK", "MTU",
		        "Interface %s: its device does not take MTU %u while it runs: the next "
		        "start "
		        "sets it",
		        c->ports[iface], dp->mtu6 > dp->mtu ? dp->mtu6 : dp->mtu);
	else if (!c->iface_failed[iface])
		log_msg(&c->log, LOG_ERROR, "LINK", "CONFIG",
		        "Interface %s: no routes for its networks: %s", c->ports[iface],
		        err == -EEXIST ? "another interface has one of them" : strerror(-err));
}

static void set_interface(struct control *c, unsigned iface, bool announce)
{
	const struct config_interface *i = interface_at(c, c->config, iface);
	struct dp_iface_config dp = {.mtu = 1500};
	int err;

	c->paths++;
	if (i) {
		dp.mtu = config_interface_mtu(c->config, i);
		dp.mtu6 = config_interface_mtu6(c->config, i);
		dp.up = config_interface_up(c->config, i);
		dp.crypto_map = i->crypto_map[0] || i->crypto_map6[0];
		apply_mtu_rules(c->config, i, &dp);
		apply_addresses6(c, (uint16_t)iface, i, &dp);
	}
	if (i && i->address.family) {
		dp.address = i->address;
		dp.network = prefix_make(&i->address, i->prefix_len);
	}
	// Without a link there are no networks behind it; what still arrives is looked at.
	if (c->link_down[iface]) {
		dp.network = (struct ip_prefix){0};
		dp.address = (struct ip_addr){0};
		dp.n_addresses6 = 0;
	}
	limit_mtu(c, iface, &dp);
	router_sync(c, (uint16_t)iface);
	err = dp_iface_set(c->dp, (uint16_t)iface, &dp);
	if (err < 0)
		tell_failure(c, iface, &dp, err);
	c->iface_failed[iface] = err < 0 && err != -EMSGSIZE;
	if (i && dp.up && announce && !c->link_down[iface]) {
		neighbour_announce(c, (uint16_t)iface, &dp.address);
		nd_announce(c, (uint16_t)iface);
	}
}

// What another interface had may be free now, and what that one had for a third.
static void try_failed(struct control *c, unsigned iface)
{
	bool again;

	do {
		again = false;
		for (unsigned n = 0; n < c->n_ports; n++) {
			if (n == iface || !c->iface_failed[n])
				continue;
			set_interface(c, n, true);
			again = again || !c->iface_failed[n];
		}
	} while (again);
}

static void apply_interface(struct control *c, unsigned iface)
{
	set_interface(c, iface, true);
	try_failed(c, iface);
}

void apply_interface_addresses(struct control *c, uint16_t iface)
{
	set_interface(c, iface, false);
	try_failed(c, iface);
	lost_networks_settle_soon(c);
}

// ---- links -----------------------------------------------------------------------------------

// The port's interface and its subinterfaces.
static bool is_of_port(const struct control *c, unsigned iface, uint16_t port)
{
	return c->vlans[iface].vlan ? c->vlans[iface].port == port : iface == port;
}

static void set_link(struct control *c, uint16_t port, bool up)
{
	for (unsigned n = 0; n < c->n_ports; n++)
		if (is_of_port(c, n, port))
			c->link_down[n] = !up;
	lost_networks_grow(c);
	for (unsigned n = 0; n < c->n_ports; n++) {
		if (!is_of_port(c, n, port))
			continue;
		nd_link(c, (uint16_t)n, up);
		apply_interface(c, n);
		if (up)
			neighbour_link_up(c, (uint16_t)n);
	}
}

static void log_physical(struct control *c, unsigned iface, bool up)
{
	log_msg(&c->log, LOG_ERROR, "LINK", "UPDOWN", "Interface %s, changed state to %s",
	        c->ports[iface], up ? "up" : "down");
}

static void log_protocol(struct control *c, unsigned iface, bool up)
{
	log_msg(&c->log, LOG_NOTICE, "LINEPROTO", "UPDOWN",
	        "Line protocol on Interface %s, changed state to %s", c->ports[iface],
	        up ? "up" : "down");
}

static void log_link(struct control *c, uint16_t port, bool up)
{
	const struct config_interface *i = interface_at(c, c->config, port);

	c->link_seen[port] = true;
	if (i && i->shutdown)
		return;
	log_physical(c, port, up);
	log_protocol(c, port, up);
}

// An interface that was shut down or switched on. Of a link that nobody has told of yet
// apply_link() will say how it is.
static void log_shutdown(struct control *c, const struct config *old, unsigned iface)
{
	const struct config_interface *was = interface_at(c, old, iface);
	const struct config_interface *is = interface_at(c, c->config, iface);
	bool seen = c->link_seen[c->vlans[iface].vlan ? c->vlans[iface].port : iface];
	bool link = seen && !c->link_down[iface];

	if (!was || !is || was->shutdown == is->shutdown)
		return;
	if (is->shutdown) {
		log_msg(&c->log, LOG_NOTICE, "LINK", "CHANGED",
		        "Interface %s, changed state to administratively down", c->ports[iface]);
		if (link && config_interface_up(old, was))
			log_protocol(c, iface, false);
	} else if (seen && config_interface_up(c->config, is)) {
		log_physical(c, iface, link);
		if (link)
			log_protocol(c, iface, true);
	}
}

void apply_link(struct control *c, uint16_t port, bool up)
{
	if (port >= c->n_ports || (c->link_seen[port] && c->link_down[port] == !up))
		return;
	log_link(c, port, up);
	if (c->link_down[port] == !up)
		return;
	set_link(c, port, up);
	static_routes_sync(c, false);
}

static void hold_all(struct control *c, bool hold)
{
	for (unsigned n = 0; n < c->n_ports; n++)
		dp_policy_hold(c->dp, (uint16_t)n, hold || c->policy_failed[n]);
}

int apply_start(struct control *c)
{
	int err = flow_table_init(c);

	if (err)
		return err;
	dp_ipv6_routing(c->dp, c->config->ipv6_unicast_routing);
	subinterface_sync(c, c->config);
	hold_all(c, true); // the workers run already
	for (unsigned n = 0; n < c->n_ports; n++)
		apply_interface(c, n);
	err = static_routes_sync(c, true);
	if (err)
		return err;
	entry_walk_start(c);
	entry_walk_step(c, UINT_MAX);
	while (manual_install(c))
		;
	hold_all(c, false);
	return 0;
}

// What of a change list concerns routes, all entries, or one interface.
struct todo {
	bool routes, entries;
	bool all_entries; // what changed may concern any of them
	bool peers;       // ... any peer; entries mean that as well
	bool interface[DP_IFACES_MAX];
};

// With its subinterfaces, which share its state and MTU.
static void note_interface(const struct control *c, const char *name, struct todo *todo)
{
	size_t len = strlen(name);

	for (unsigned n = 0; n < c->n_ports && n < DP_IFACES_MAX; n++)
		if (!strncmp(c->ports[n], name, len) &&
		    (c->ports[n][len] == '\0' || c->ports[n][len] == '.'))
			todo->interface[n] = true;
}

// Whether crypto maps and their own addresses are the same, and what networks lie behind them.
static bool same_ends(const struct config_interface *a, const struct config_interface *b)
{
	if (strcmp(a->crypto_map, b->crypto_map) != 0 ||
	    strcmp(a->crypto_map6, b->crypto_map6) != 0 || a->vlan != b->vlan ||
	    a->ipv6_enable != b->ipv6_enable || a->n_addresses6 != b->n_addresses6 ||
	    !addr_equal(&a->address, &b->address) || a->prefix_len != b->prefix_len)
		return false;
	for (uint32_t i = 0; i < a->n_addresses6; i++)
		if (!addr_equal(&a->addresses6[i].addr, &b->addresses6[i].addr) ||
		    a->addresses6[i].prefix_len != b->addresses6[i].prefix_len ||
		    a->addresses6[i].link_local != b->addresses6[i].link_local ||
		    a->addresses6[i].eui64 != b->addresses6[i].eui64)
			return false;
	return true;
}

static void note_change(struct control *c, const struct config *old, const struct config *next,
                        const struct diff_change *d, struct todo *todo)
{
	switch (d->kind) {
	case CONFIG_INTERFACE:
		note_interface(c,
		               d->op == DIFF_DEL ? old->interfaces[d->old_index].name
		                                 : next->interfaces[d->new_index].name,
		               todo);
		todo->routes = true;
		if (d->op != DIFF_CHANGE ||
		    !same_ends(&old->interfaces[d->old_index], &next->interfaces[d->new_index]))
			todo->entries = todo->all_entries = true;
		break;
	case CONFIG_ROUTE:
		todo->routes = true;
		break;
	case CONFIG_TRANSFORM_SET:
	case CONFIG_MAP_ENTRY:
	case CONFIG_ACL:
		todo->entries = true;
		break;
	case CONFIG_IPSEC:
		todo->entries = todo->all_entries = true;
		for (unsigned n = 0; n < c->n_ports && n < DP_IFACES_MAX; n++)
			todo->interface[n] |= old->ipsec.df != next->ipsec.df ||
			                      old->ipsec.fragmentation != next->ipsec.fragmentation;
		break;
	case CONFIG_ISAKMP:
		todo->peers = old->isakmp.nat_keepalive != next->isakmp.nat_keepalive;
		break;
	case CONFIG_PLATFORM:
		log_msg(&c->log, LOG_WARNING, "SYS", "RESTART",
		        "Changes of the platform section take effect when vigild starts again");
		break;
	default:
		break; // read where it is used: policies, keys, keepalive, names
	}
}

static void end_unlisted(struct control *c, struct peer *p)
{
	if (!p->children && !flow_peer_is_listed(c, &p->local, &p->remote))
		teardown_peer(c, p);
}

// Subinterfaces have other numbers than before, or are there only now: all of them are set anew.
static void note_new(const struct control *c, const struct config *next, struct todo *todo)
{
	for (unsigned n = 0; n < c->n_ports && n < DP_IFACES_MAX; n++) {
		const struct config_interface *i = interface_at(c, next, n);

		todo->interface[n] |= i && i->vlan;
	}
	todo->entries = todo->all_entries = true;
}

// Is there an interface on which a line found no room? Then all entries are tried again.
static bool has_failed(const struct control *c)
{
	bool any = false;

	for (unsigned n = 0; n < c->n_ports; n++)
		any |= c->policy_failed[n];
	return any;
}

static void entries_done(struct control *c)
{
	hold_all(c, false);
	c->applying = (struct apply_state){.stage = APPLY_MANUAL};
}

static void look_at_peers(struct control *c)
{
	struct apply_state *a = &c->applying;

	for (unsigned n = 0; n < SLICE_PEERS && a->peer < c->peers.made; n++) {
		struct peer *p = slab_at(&c->peers, a->peer++);

		if (!p)
			continue;
		on_nat_changed(c, p);
		end_unlisted(c, p);
	}
	if (a->peer >= c->peers.made)
		a->stage = APPLY_IDLE;
}

struct config *apply_begin(struct control *c, struct config *next, const struct diff_list *changes)
{
	struct config *old = c->config;
	struct todo todo = {0};

	for (uint32_t i = 0; i < changes->n; i++)
		note_change(c, old, next, &changes->items[i], &todo);
	todo.all_entries |= todo.entries && has_failed(c);
	todo.routes |= subinterface_waits(c, next);
	if (todo.entries)
		hold_all(c, true);
	if (todo.routes)
		static_routes_leave(c, next);
	if (subinterface_sync(c, next))
		note_new(c, next, &todo);
	if (todo.entries)
		hold_all(c, true); // those that are new
	c->config = next;
	if (todo.routes)
		lost_networks_grow(c);
	dp_ipv6_routing(c->dp, next->ipv6_unicast_routing);
	for (unsigned n = 0; n < c->n_ports && n < DP_IFACES_MAX; n++)
		if (todo.interface[n]) {
			apply_interface(c, n);
			log_shutdown(c, old, n);
		}
	nd_prune(c);
	if (old->ipv6_unicast_routing != next->ipv6_unicast_routing)
		for (unsigned n = 0; n < c->n_ports && n < DP_IFACES_MAX; n++)
			router_sync(c, (uint16_t)n);
	if (todo.routes)
		static_routes_sync(c, true);
	if (todo.entries) {
		bool some = !todo.all_entries && entry_some_start(c, old, changes);

		c->applying = (struct apply_state){.stage = some ? APPLY_SOME : APPLY_ENTRIES};
		if (!some)
			entry_walk_start(c);
	} else if (todo.peers) {
		c->applying = (struct apply_state){.stage = APPLY_PEERS};
	}
	return old;
}

static void change_some(struct control *c)
{
	switch (entry_some_step(c, SLICE_ENTRIES)) {
	case ENTRY_SOME_MORE:
		break;
	case ENTRY_SOME_DONE:
		entries_done(c);
		break;
	case ENTRY_SOME_LOST:
		c->applying.stage = APPLY_ENTRIES;
		entry_walk_start(c);
	}
}

bool apply_changes_entries(const struct control *c)
{
	return c->applying.stage == APPLY_SOME || c->applying.stage == APPLY_ENTRIES;
}

bool apply_step(struct control *c)
{
	struct apply_state *a = &c->applying;

	if (a->stage == APPLY_SOME)
		change_some(c);
	else if (a->stage == APPLY_ENTRIES && !entry_walk_step(c, SLICE_ENTRIES))
		entries_done(c);
	else if (a->stage == APPLY_MANUAL && !manual_install(c))
		a->stage = APPLY_PEERS;
	else if (a->stage == APPLY_PEERS)
		look_at_peers(c);
	return a->stage != APPLY_IDLE;
}

struct config *apply_config(struct control *c, struct config *next, const struct diff_list *changes)
{
	struct config *old = apply_begin(c, next, changes);

	while (apply_step(c))
		;
	return old;
}

void apply_stop(struct control *c)
{
	hold_all(c, true); // the workers still run, and rules go before they end
	c->applying.stage = APPLY_IDLE;
	static_routes_fini(c);
	lost_networks_fini(c);
	entry_stop(c);
	entry_index_fini(c);
	entry_peers_fini(c);
	flow_table_fini(c);
}
