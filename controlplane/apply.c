// Applies configurations: interfaces and routes into the dataplane, crypto map entries into flows
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
#include "flow_instances.h"
#include "manual.h"
#include "nd.h"
#include "neighbour.h"
#include "peer.h"
#include "peer_timers.h"
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

static void set_interface(struct control *c, unsigned iface, bool announce)
{
	const struct config_interface *i = interface_at(c, c->config, iface);
	struct dp_iface_config dp = {.mtu = 1500};
	int err;

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
	err = dp_iface_set(c->dp, (uint16_t)iface, &dp);
	if (err < 0)
		log_msg(&c->log, LOG_ERROR, "LINK", "CONFIG", "Interface %s: %s", c->ports[iface],
		        strerror(-err));
	if (i && dp.up && announce && !c->link_down[iface])
		neighbour_announce(c, (uint16_t)iface, &dp.address);
}

static void apply_interface(struct control *c, unsigned iface)
{
	set_interface(c, iface, true);
}

void apply_interface_addresses(struct control *c, uint16_t iface)
{
	set_interface(c, iface, false);
}

// Whether an IPv6 next hop is on one of the interface's networks.
static bool leads_to6(const struct control *c, const struct config_interface *i, uint16_t iface,
                      const struct ip_addr *hop)
{
	struct config_address6 six[CONFIG_ADDRESSES6];
	uint8_t mac[6];
	unsigned n;

	dp_iface_mac(c->dp, iface, mac);
	n = config_addresses6(i, mac, six);
	for (unsigned k = 0; k < n; k++) {
		struct ip_prefix net = prefix_make(&six[k].addr, six[k].prefix_len);

		if (!six[k].link_local && prefix_contains(&net, hop))
			return true;
	}
	return false;
}

// The interface that a route leaves through: named, or the one whose network has the next hop.
static int route_iface(const struct control *c, const struct config *config,
                       const struct config_route *r)
{
	for (unsigned n = 0; n < c->n_ports; n++) {
		const struct config_interface *i = interface_at(c, config, n);
		struct ip_prefix net;

		if (!i || !config_interface_up(config, i) || c->link_down[n])
			continue;
		if (r->interface[0]) {
			if (!strcmp(r->interface, i->name))
				return (int)n;
			continue;
		}
		if (r->next_hop.family == 6) {
			if (leads_to6(c, i, (uint16_t)n, &r->next_hop))
				return (int)n;
			continue;
		}
		net = prefix_make(&i->address, i->prefix_len);
		if (i->address.family && prefix_contains(&net, &r->next_hop))
			return (int)n;
	}
	return -ENOENT;
}

// Of the routes to one prefix, which lie side by side from `first` on: the usable one with the
// least distance. *next is set behind them.
static const struct config_route *best_route(const struct control *c, const struct config *config,
                                             uint32_t first, uint32_t *next)
{
	const struct config_route *routes = config->routes, *best = NULL;
	uint32_t i;

	for (i = first;
	     i < config->n_routes && prefix_equal(&routes[i].prefix, &routes[first].prefix); i++)
		if (route_iface(c, config, &routes[i]) >= 0 &&
		    (!best || routes[i].distance < best->distance))
			best = &routes[i];
	*next = i;
	return best;
}

static void install_route(struct control *c, const struct config_route *r, int iface)
{
	int err = dp_route_add(c->dp, &r->prefix, &r->next_hop, (uint16_t)iface);
	char text[PREFIX_TEXT];

	if (err < 0)
		log_msg(&c->log, LOG_ERROR, "IPRT", "ROUTE", "Route %s: %s",
		        prefix_format(&r->prefix, text), strerror(-err));
	else if (r->next_hop.family)
		neighbour_want(c, (uint16_t)iface, &r->next_hop, true);
}

// ---- links -----------------------------------------------------------------------------------

// What leads to a prefix, kept at the index of its first route.
struct way {
	const struct config_route *route; // NULL = nothing
	int iface;
};

static void find_ways(const struct control *c, const struct config *config, struct way *ways)
{
	for (uint32_t i = 0, next; i < config->n_routes; i = next) {
		ways[i].route = best_route(c, config, i, &next);
		if (ways[i].route)
			ways[i].iface = route_iface(c, config, ways[i].route);
	}
}

// NULL: no memory.
static struct way *ways_make(const struct control *c, const struct config *config)
{
	struct way *ways = calloc(config->n_routes + 1u, sizeof(*ways));

	if (ways)
		find_ways(c, config, ways);
	return ways;
}

static void way_end(struct control *c, const struct way *w)
{
	if (w->route->next_hop.family)
		neighbour_unkeep(c, (uint16_t)w->iface, &w->route->next_hop);
}

// What leads through subinterfaces that go, before others get their numbers.
static void leave_subinterfaces(struct control *c, struct way *ways, uint32_t n,
                                const struct config *next)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!ways[i].route || subinterface_stays(c, (unsigned)ways[i].iface, next))
			continue;
		dp_route_del(c->dp, &ways[i].route->prefix);
		way_end(c, &ways[i]);
		ways[i].route = NULL;
	}
}

static bool same_way(const struct way *a, const struct way *b)
{
	return a->iface == b->iface && addr_equal(&a->route->next_hop, &b->route->next_hop);
}

static int prefix_order(const struct config_route *a, const struct config_route *b)
{
	int order = addr_compare(&a->prefix.addr, &b->prefix.addr);

	return order ? order : (int)a->prefix.len - (int)b->prefix.len;
}

// From the ways of one configuration to those of the next, which are in order of their prefixes.
// What stays is not touched, what another way leads to now is replaced: no packet meets a gap.
static void change_routes(struct control *c, const struct way *old, uint32_t n_old,
                          const struct way *now, uint32_t n_now)
{
	uint32_t i = 0, k = 0;

	while (i < n_old || k < n_now) {
		const struct way *a = i < n_old ? &old[i] : NULL, *b = k < n_now ? &now[k] : NULL;
		int order;

		if ((a && !a->route) || (b && !b->route)) {
			i += a && !a->route;
			k += b && !b->route;
			continue;
		}
		order = !a ? 1 : !b ? -1 : prefix_order(a->route, b->route);
		if (order > 0 || (order == 0 && !same_way(a, b)))
			install_route(c, b->route, b->iface);
		if (order < 0)
			dp_route_del(c->dp, &a->route->prefix);
		if (order < 0 || (order == 0 && !same_way(a, b)))
			way_end(c, a);
		i += order <= 0;
		k += order >= 0;
	}
}

static void warn_of_unreachable(struct control *c, const struct config *config,
                                const struct way *ways)
{
	char text[PREFIX_TEXT];

	for (uint32_t i = 0; i < config->n_routes; i++)
		if (!ways[i].route && (i == 0 || !prefix_equal(&config->routes[i].prefix,
		                                               &config->routes[i - 1].prefix)))
			log_msg(&c->log, LOG_WARNING, "IPRT", "UNREACHABLE",
			        "No interface leads to the next hop of route %s",
			        prefix_format(&config->routes[i].prefix, text));
}

// From what led to each prefix before to what does now. Routes that stay are not touched.
static void change_ways(struct control *c, const struct way *before, const struct way *now)
{
	for (uint32_t i = 0; i < c->config->n_routes; i++) {
		const struct config_route *r = before[i].route;

		if (now[i].route == r && now[i].iface == before[i].iface)
			continue;
		if (now[i].route)
			install_route(c, now[i].route, now[i].iface);
		else
			dp_route_del(c->dp, &r->prefix);
		if (r && r->next_hop.family)
			neighbour_unkeep(c, (uint16_t)before[i].iface, &r->next_hop);
	}
}

// The port's interface and its subinterfaces.
static void set_link(struct control *c, uint16_t port, bool up)
{
	for (unsigned n = 0; n < c->n_ports; n++) {
		bool is_sub = c->vlans[n].vlan != 0;

		if ((is_sub && c->vlans[n].port != port) || (!is_sub && n != port))
			continue;
		c->link_down[n] = !up;
		apply_interface(c, n);
	}
}

static void log_link(struct control *c, uint16_t port, bool up)
{
	const struct config_interface *i = interface_at(c, c->config, port);
	const char *state = up ? "up" : "down";

	c->link_seen[port] = true;
	if (i && i->shutdown)
		return;
	log_msg(&c->log, LOG_ERROR, "LINK", "UPDOWN", "Interface %s, changed state to %s",
	        c->ports[port], state);
	log_msg(&c->log, LOG_NOTICE, "LINEPROTO", "UPDOWN",
	        "Line protocol on Interface %s, changed state to %s", c->ports[port], state);
}

void apply_link(struct control *c, uint16_t port, bool up)
{
	size_t n = c->config->n_routes + 1u;
	struct way *ways;

	if (port >= c->n_ports || (c->link_seen[port] && c->link_down[port] == !up))
		return;
	log_link(c, port, up);
	if (c->link_down[port] == !up)
		return;
	ways = calloc(2 * n, sizeof(*ways));
	if (!ways) {
		log_msg(&c->log, LOG_ERROR, "IPRT", "ROUTE", "Out of memory: routes stay");
		return;
	}
	find_ways(c, c->config, ways);
	set_link(c, port, up);
	find_ways(c, c->config, ways + n);
	change_ways(c, ways, ways + n);
	free(ways);
}

static void hold_all(struct control *c, bool hold)
{
	for (unsigned n = 0; n < c->n_ports; n++)
		dp_policy_hold(c->dp, (uint16_t)n, hold || c->policy_failed[n]);
}

int apply_start(struct control *c)
{
	struct way *ways;

	dp_ipv6_routing(c->dp, c->config->ipv6_unicast_routing);
	subinterface_sync(c, c->config);
	hold_all(c, true); // the workers run already
	for (unsigned n = 0; n < c->n_ports; n++)
		apply_interface(c, n);
	ways = ways_make(c, c->config);
	if (!ways)
		return -ENOMEM;
	change_routes(c, NULL, 0, ways, c->config->n_routes);
	warn_of_unreachable(c, c->config, ways);
	free(ways);
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
		teardown_peer(c, p, "no crypto map names it");
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
		on_nat_keepalive(c, p);
		end_unlisted(c, p);
	}
	if (a->peer >= c->peers.made)
		a->stage = APPLY_IDLE;
}

struct config *apply_begin(struct control *c, struct config *next, const struct diff_list *changes)
{
	struct way *ways = NULL, *now = NULL;
	struct config *old = c->config;
	struct todo todo = {0};

	for (uint32_t i = 0; i < changes->n; i++)
		note_change(c, old, next, &changes->items[i], &todo);
	todo.all_entries |= todo.entries && has_failed(c);
	todo.routes |= subinterface_waits(c, next);
	if (todo.entries)
		hold_all(c, true);
	if (todo.routes)
		ways = ways_make(c, old);
	if (ways)
		leave_subinterfaces(c, ways, old->n_routes, next);
	if (subinterface_sync(c, next))
		note_new(c, next, &todo);
	if (todo.entries)
		hold_all(c, true); // those that are new
	c->config = next;
	dp_ipv6_routing(c->dp, next->ipv6_unicast_routing);
	for (unsigned n = 0; n < c->n_ports && n < DP_IFACES_MAX; n++)
		if (todo.interface[n])
			apply_interface(c, n);
	nd_prune(c);
	if (ways)
		now = ways_make(c, next);
	if (now) {
		change_routes(c, ways, old->n_routes, now, next->n_routes);
		warn_of_unreachable(c, next, now);
	} else if (todo.routes) {
		log_msg(&c->log, LOG_ERROR, "IPRT", "ROUTE", "Out of memory: routes stay");
	}
	free(ways);
	free(now);
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
	c->applying.stage = APPLY_IDLE;
	entry_stop(c);
	entry_index_fini(c);
	entry_peers_fini(c);
	flow_instances_fini(c);
}
