// Fills views from the control core's objects, one object a step. Control core only. Must not
// format text or allocate. A list that a peer could make long is followed a step at a time, and
// walked from its start only to find a place in it again whose object went meanwhile.
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "control.h"
#include "counters.h"
#include "flow.h"
#include "ike_sa.h"
#include "peer.h"
#include "request.h"

// How many of a peer's newest children are searched for the older SAs of a flow, and how many of
// the flows that wait for a peer are listed with it.
#define SEARCH_MAX 64

// Stages of a session's listing.
enum { STAGE_PEER, STAGE_IKE, STAGE_CHILDREN, STAGE_WAITING, STAGE_FLOWS };

static struct view *next_view(struct request *r, enum view_kind kind)
{
	struct view *v = &r->views[r->n++];

	memset(v, 0, sizeof(*v));
	v->kind = kind;
	return v;
}

static void copy_name(char out[CONFIG_NAME], const char *from)
{
	snprintf(out, CONFIG_NAME, "%s", from);
}

static void iface_name(const struct control *c, uint16_t iface, char out[CONFIG_NAME])
{
	if (iface < c->n_ports)
		memcpy(out, c->ports[iface], CONFIG_NAME);
}

static uint32_t seconds_since(const struct control *c, tick_t when)
{
	return (c->now - when) / TICKS_PER_SECOND; // never ahead of now
}

static int32_t ms_until(const struct control *c, tick_t when)
{
	int32_t d = tick_diff(when, c->now);

	return d > 0 ? (d < INT32_MAX / (int32_t)TICK_MS ? d * (int32_t)TICK_MS : INT32_MAX) : 0;
}

static int32_t ms_since(const struct control *c, tick_t when)
{
	int32_t d = tick_diff(c->now, when);

	return d > 0 ? (d < INT32_MAX / (int32_t)TICK_MS ? d * (int32_t)TICK_MS : INT32_MAX) : 0;
}

// ---- one object

static bool filter_addr(const struct ip_addr *wanted, const struct ip_addr *is)
{
	return !wanted->family || addr_equal(wanted, is);
}

static bool filter_ends(const struct request_filter *f, const struct ip_addr *local,
                        uint16_t local_port, const struct ip_addr *remote, uint16_t remote_port)
{
	return filter_addr(&f->local, local) && filter_addr(&f->remote, remote) &&
	       (!f->local_port || f->local_port == local_port) &&
	       (!f->remote_port || f->remote_port == remote_port);
}

static bool has_active_sas(const struct peer *p)
{
	const struct child *ch;

	for (ch = p->children; ch; ch = ch->next)
		if (ch->state >= CHILD_INBOUND && ch->state <= CHILD_OLD)
			return true;
	return false;
}

static void copy_id(const struct peer *p, char out[VIEW_ID])
{
	char buf[ADDR_TEXT];

	snprintf(out, VIEW_ID, "%s", peer_id(p, buf));
}

static void fill_peer(const struct control *c, const struct peer *p, struct peer_view *v)
{
	const struct ike_sa *newest = peer_ike_sa(p);
	tick_t life;

	v->local = p->local;
	v->remote = p->remote;
	v->local_port = p->local_port;
	v->remote_port = p->remote_port;
	iface_name(c, p->iface, v->iface);
	v->session_id = p->slab.generation;
	v->ike_active = newest;
	v->ike_negotiating = peer_is_negotiating(p);
	v->sas_active = has_active_sas(p);
	v->up_seconds = p->state == PEER_UP ? peer_up_seconds(c, p) : VIEW_NONE;
	v->dpd_capable = p->dpd_capable;
	v->nat_local = p->nat_local;
	v->nat_remote = p->nat_remote;
	if (newest)
		copy_id(p, v->phase1_id);
	v->dpd_config = p->dpd_config;
	v->dpd_state = p->dpd.state;
	v->losses = p->dpd.losses;
	v->deferrals = p->dpd.deferrals;
	v->due_ms = wheel_is_armed(&p->probe) ? ms_until(c, p->probe.expires) : -1;
	v->life_ms_ago = peer_last_life(c, p, &life) ? ms_since(c, life) : -1;
}

static void fill_ike(const struct control *c, const struct ike_sa *sa, struct ike_view *v)
{
	uint32_t age = seconds_since(c, sa->established);

	v->local = sa->peer->local;
	v->remote = sa->peer->remote;
	v->local_port = sa->local_port;
	v->remote_port = sa->remote_port;
	snprintf(v->state, sizeof(v->state), "%s", ike_state_show(sa));
	v->active = ike_sa_is_established(sa);
	v->deleted = sa->state == IKE_DEST_SA || sa->replaced;
	v->initiator = sa->initiator;
	v->dpd = sa->peer_dpd;
	v->nat = sa->nat_local || sa->nat_remote;
	v->conn_id = sa->conn_id;
	v->suite = sa->suite;
	v->seconds_left = VIEW_NONE;
	if (v->active && sa->suite.lifetime)
		v->seconds_left = sa->suite.lifetime > age ? sa->suite.lifetime - age : 0;
	copy_id(sa->peer, v->phase1_id);
}

static void fill_sa(const struct control *c, struct handle sa, uint32_t spi, uint32_t conn_id,
                    struct sa_view *v)
{
	struct dp_sa_stats s;

	v->spi = spi;
	v->conn_id = conn_id;
	v->live = !handle_is_null(sa);
	if (!v->live)
		return;
	dp_sa_stats(c->dp, sa, &s);
	v->packets = s.packets;
	v->bytes = s.bytes;
	v->replay_window = s.replay_window;
	v->verify_failed = s.auth_failed;
	v->replayed = s.replayed;
	v->bad_identity = s.bad_selector;
	v->drops = s.auth_failed + s.replayed + s.bad_selector + s.other_drops;
}

static void fill_child_left(const struct control *c, const struct child *ch, struct child_view *v)
{
	uint32_t age = seconds_since(c, ch->created), life = ch->suite.lifetime_seconds;
	uint64_t used = (v->in.bytes > v->out.bytes ? v->in.bytes : v->out.bytes) >> 10;
	uint32_t volume = ch->suite.lifetime_kilobytes;

	v->seconds_left = !life ? VIEW_NONE : life > age ? life - age : 0;
	v->kilobytes_left = !volume ? VIEW_NONE : volume > used ? volume - (uint32_t)used : 0;
	if (volume && v->kilobytes_left == VIEW_NONE) // the longest that can be configured, unused
		v->kilobytes_left = VIEW_NONE - 1;
}

static void fill_child(const struct control *c, const struct child *ch, struct child_view *v)
{
	bool keyed = ch->state >= CHILD_INBOUND && ch->state <= CHILD_OLD;

	if (ch->flow) {
		v->tunnel = ch->flow->tunnel;
		copy_name(v->map_name, ch->flow->entry->map_name);
		v->sequence = ch->flow->entry->sequence;
		v->ended = flow_ended(ch->flow);
		v->selector = ch->flow->selector;
	}
	v->state = ch->state;
	v->suite = ch->suite;
	v->udp = ch->encap == SA_ENCAP_UDP;
	v->manual = ch->peer->manual;
	v->path_mtu = child_path_mtu(ch);
	fill_sa(c, keyed ? ch->in : (struct handle){0}, ch->spi_in, ch->conn_id, &v->in);
	fill_sa(c, keyed ? ch->out : (struct handle){0}, ch->spi_out, ch->conn_id + 1, &v->out);
	fill_child_left(c, ch, v);
}

static void fill_flow(const struct control *c, const struct flow *f, struct flow_view *v)
{
	const struct crypto_entry *e = f->entry;
	const struct config_interface *i;

	v->tunnel = f->tunnel;
	copy_name(v->map_name, e->map_name);
	v->sequence = e->sequence;
	iface_name(c, e->iface, v->iface);
	i = config_find_interface(c->config, v->iface);
	if (e->n_peers)
		v->current = e->peers[e->current];
	v->peer = f->peer ? f->peer->remote : v->current;
	v->local = flow_local(e, &v->peer);
	v->mtu = !i                    ? CONFIG_MTU
	         : v->peer.family == 6 ? config_interface_mtu6(c->config, i)
	                               : config_interface_mtu(c->config, i);
	v->peer_port = f->peer ? f->peer->remote_port : 500;
	v->ended = flow_ended(f);
	v->line = f->instance == FLOW_LINE;
	v->state = f->state;
	v->selector = f->selector;
}

// ---- sessions: peers with their parts, then the flows that have none

static bool peer_matches(const struct request_filter *f, const struct peer *p)
{
	return filter_ends(f, &p->local, p->local_port, &p->remote, p->remote_port);
}

static unsigned next_object(struct request_cursor *k, unsigned cost)
{
	k->index++;
	k->stage = STAGE_PEER;
	return cost;
}

static unsigned next_stage(struct request_cursor *k)
{
	k->stage++;
	k->nth = 0;
	k->next = (struct handle){0};
	return 1;
}

static unsigned peer_start(struct control *c, struct request *r)
{
	struct request_cursor *k = &r->cursor;
	struct peer *p;

	if (k->index >= c->peers.made) {
		if (r->kind == REQUEST_PEERS)
			return 0;
		*k = (struct request_cursor){.stage = STAGE_FLOWS};
		return 1;
	}
	p = slab_at(&c->peers, k->index);
	if (!p || p->state == PEER_ENDING || !peer_matches(&r->filter, p))
		return next_object(k, 1);
	fill_peer(c, p, &next_view(r, VIEW_PEER)->peer);
	if (r->kind == REQUEST_PEERS)
		return next_object(k, REQUEST_ITEM);
	k->generation = p->slab.generation;
	next_stage(k);
	return REQUEST_ITEM;
}

// The cursor holds the next IKE SA by its handle. When that one has gone meanwhile, its place in
// the list is looked for by number.
static const struct ike_sa *ike_at(const struct control *c, const struct request_cursor *k,
                                   const struct peer *p)
{
	const struct ike_sa *sa;

	if (!handle_is_null(k->next)) {
		sa = slab_get(&c->ike_sas, k->next);
		if (sa && sa->peer == p)
			return sa;
	}
	sa = p->ike_sas;
	for (uint32_t i = 0; sa && i < k->nth; i++)
		sa = sa->next;
	return sa;
}

static unsigned peer_ikes(struct control *c, struct request *r, const struct peer *p)
{
	struct request_cursor *k = &r->cursor;
	const struct ike_sa *sa = ike_at(c, k, p);

	if (!sa)
		return next_stage(k);
	fill_ike(c, sa, &next_view(r, VIEW_IKE)->ike);
	if (!sa->next)
		return next_stage(k) + REQUEST_ITEM;
	k->nth++;
	k->next = slab_handle(sa->next);
	return REQUEST_ITEM;
}

// The same for children.
static const struct child *child_at(const struct control *c, const struct request_cursor *k,
                                    const struct peer *p)
{
	const struct child *ch;

	if (!handle_is_null(k->next)) {
		ch = slab_get(&c->children, k->next);
		if (ch && ch->peer == p && ch->state != CHILD_GONE)
			return ch;
	}
	ch = p->children;
	for (uint32_t i = 0; ch && i < k->nth; i++)
		ch = ch->next;
	return ch;
}

static unsigned peer_children(struct control *c, struct request *r, const struct peer *p)
{
	struct request_cursor *k = &r->cursor;
	const struct child *ch = child_at(c, k, p);

	if (!ch)
		return next_stage(k);
	fill_child(c, ch, &next_view(r, VIEW_CHILD)->child);
	if (!ch->next)
		return next_stage(k) + REQUEST_ITEM;
	k->nth++;
	k->next = slab_handle(ch->next);
	return REQUEST_ITEM;
}

static unsigned peer_waiting(struct control *c, struct request *r, const struct peer *p)
{
	struct request_cursor *k = &r->cursor;
	const struct flow *f = p->waiting;

	for (uint32_t i = 0; f && i < k->nth; i++)
		f = f->next_waiting;
	if (!f || k->nth == SEARCH_MAX)
		return next_object(k, 1);
	k->nth++;
	if (f->child)
		return 1; // its renewal waits; it has been listed by its child
	fill_flow(c, f, &next_view(r, VIEW_FLOW)->flow);
	r->views[r->n - 1].flow.waiting = true;
	return REQUEST_ITEM;
}

// A flow that was not listed with a peer: nobody has asked for it, or its peers do not answer.
static bool flow_is_alone(const struct flow *f)
{
	return !f->child && !f->waiting && !(f->peer && f->state == FLOW_WANTED);
}

static bool flow_matches(const struct request_filter *filter, const struct flow_view *v)
{
	return filter_ends(filter, &v->local, 500, &v->peer, v->peer_port) &&
	       (!filter->map[0] || !strcmp(filter->map, v->map_name)) &&
	       (!filter->iface[0] || !strcmp(filter->iface, v->iface));
}

static unsigned flow_start(struct control *c, struct request *r)
{
	struct request_cursor *k = &r->cursor;
	struct flow *f;

	if (k->index >= c->max_tunnels)
		return 0;
	f = c->flow_of_tunnel[k->index];
	k->index++;
	if (!f || (r->kind == REQUEST_SESSIONS && !flow_is_alone(f)) ||
	    (r->kind == REQUEST_FLOWS && f->instance != FLOW_LINE))
		return 1;
	fill_flow(c, f, &next_view(r, VIEW_FLOW)->flow);
	if (!flow_matches(&r->filter, &r->views[r->n - 1].flow))
		r->n--;
	return REQUEST_ITEM;
}

static unsigned session_step(struct control *c, struct request *r)
{
	struct request_cursor *k = &r->cursor;
	struct peer *p;

	if (k->stage == STAGE_PEER)
		return peer_start(c, r);
	if (k->stage == STAGE_FLOWS)
		return flow_start(c, r);
	p = slab_get(&c->peers, (struct handle){k->index, k->generation});
	if (!p || p->state == PEER_ENDING)
		return next_object(k, 1); // died while it was listed
	if (k->stage == STAGE_IKE)
		return peer_ikes(c, r, p);
	if (k->stage == STAGE_CHILDREN)
		return peer_children(c, r, p);
	return peer_waiting(c, r, p);
}

// ---- IPsec SAs: flows with their children

// The nth child of a flow: its live one first, then others that still receive.
static const struct child *flow_child(const struct flow *f, uint32_t nth)
{
	const struct peer *p = f->child ? f->child->peer : f->peer;
	const struct child *ch = p ? p->children : NULL;

	if (f->child && nth == 0)
		return f->child;
	nth -= f->child != NULL;
	for (unsigned i = 0; ch && i < SEARCH_MAX; i++, ch = ch->next)
		if (ch != f->child && ch->flow == f && ch->state >= CHILD_INBOUND &&
		    ch->state <= CHILD_OLD && nth-- == 0)
			return ch;
	return NULL;
}

static unsigned ipsec_step(struct control *c, struct request *r)
{
	struct request_cursor *k = &r->cursor;
	const struct child *ch;
	const struct flow *f;
	unsigned cost;

	if (k->stage == STAGE_PEER) {
		unsigned had = r->n;

		cost = flow_start(c, r);
		if (r->n > had) {
			k->index--;
			k->generation = r->views[had].flow.tunnel.generation;
			next_stage(k);
		}
		return cost;
	}
	f = c->flow_of_tunnel[k->index];
	ch = f && f->tunnel.generation == k->generation ? flow_child(f, k->nth) : NULL;
	if (!ch)
		return next_object(k, 1);
	k->nth++;
	fill_child(c, ch, &next_view(r, VIEW_CHILD)->child);
	return REQUEST_ITEM;
}

// ---- the rest

static unsigned ike_step(struct control *c, struct request *r)
{
	struct request_cursor *k = &r->cursor;
	const struct request_filter *f = &r->filter;
	struct ike_sa *sa;

	if (k->index >= c->ike_sas.made)
		return 0;
	sa = slab_at(&c->ike_sas, k->index++);
	if (!sa ||
	    !filter_ends(f, &sa->peer->local, sa->local_port, &sa->peer->remote, sa->remote_port))
		return 1;
	fill_ike(c, sa, &next_view(r, VIEW_IKE)->ike);
	return REQUEST_ITEM;
}

static unsigned interface_step(struct control *c, struct request *r)
{
	struct interface_view *v;

	// Numbers whose subinterface was taken away have no name.
	while (r->cursor.index < c->n_ports && !c->ports[r->cursor.index][0])
		r->cursor.index++;
	if (r->cursor.index >= c->n_ports)
		return 0;
	v = &next_view(r, VIEW_INTERFACE)->interface;
	iface_name(c, (uint16_t)r->cursor.index, v->name);
	counters_interface(c, (uint16_t)r->cursor.index, &v->info);
	v->cleared = counters_cleared(c, (uint16_t)r->cursor.index);
	v->n_addresses6 =
		nd_addresses(c, (uint16_t)r->cursor.index, v->addresses6, CONFIG_ADDRESSES6);
	r->cursor.index++;
	return REQUEST_ITEM;
}

static const struct {
	const char *name;
	size_t offset;
} control_names[] = {
	{"control turns", offsetof(struct control_counters, turns)},
	{"control late turns", offsetof(struct control_counters, late_turns)},
	{"ike in", offsetof(struct control_counters, ike_in)},
	{"ike out", offsetof(struct control_counters, ike_out)},
	{"ike malformed", offsetof(struct control_counters, ike_malformed)},
	{"ike unknown cookie", offsetof(struct control_counters, ike_unknown)},
	{"ike unauthentic", offsetof(struct control_counters, ike_unauthentic)},
	{"ike unsupported", offsetof(struct control_counters, ike_unsupported)},
	{"ike refused", offsetof(struct control_counters, ike_refused)},
	{"ike retransmits", offsetof(struct control_counters, ike_retransmits)},
	{"ike duplicates", offsetof(struct control_counters, ike_duplicates)},
	{"negotiations started", offsetof(struct control_counters, negotiations_started)},
	{"negotiations failed", offsetof(struct control_counters, negotiations_failed)},
	{"admissions refused", offsetof(struct control_counters, admissions_refused)},
	{"admissions delayed", offsetof(struct control_counters, admissions_delayed)},
	{"shapes refused", offsetof(struct control_counters, shapes_refused)},
	{"ike messages not sent", offsetof(struct control_counters, ike_unsent)},
	{"dpd probes sent", offsetof(struct control_counters, probes_sent)},
	{"dpd probes answered", offsetof(struct control_counters, probes_answered)},
	{"dpd hellos received", offsetof(struct control_counters, hellos_received)},
	{"dpd acks received", offsetof(struct control_counters, acks_received)},
	{"dpd acks stale", offsetof(struct control_counters, acks_stale)},
	{"dpd losses", offsetof(struct control_counters, losses)},
	{"dpd verdicts deferred", offsetof(struct control_counters, verdicts_deferred)},
	{"dpd deaths", offsetof(struct control_counters, deaths)},
	{"failovers", offsetof(struct control_counters, failovers)},
};

#define CONTROL_NAMES (sizeof(control_names) / sizeof(control_names[0]))

static unsigned counter_step(struct control *c, struct request *r)
{
	uint32_t i = r->cursor.index++, n = dp_counters(c->dp);
	struct control_counters control;
	struct counter_view *v;
	const char *name;

	if (i >= n + CONTROL_NAMES + 1)
		return 0;
	v = &next_view(r, VIEW_COUNTER)->counter;
	if (i < n) {
		name = dp_counter_name(c->dp, i);
		for (unsigned w = 0; w < dp_workers(c->dp); w++)
			v->value += counters_worker(c, w, i);
	} else if (i < n + CONTROL_NAMES) {
		name = control_names[i - n].name;
		counters_control(c, &control);
		memcpy(&v->value, (const char *)&control + control_names[i - n].offset,
		       sizeof(v->value));
	} else {
		name = "control punt losses";
		v->value = counters_losses(c);
	}
	snprintf(v->name, sizeof(v->name), "%s", name ? name : "?");
	return REQUEST_ITEM;
}

static bool is_drop(const struct control *c, unsigned counter)
{
	const char *name = dp_counter_name(c->dp, counter);

	return name && strncmp(name, "drop ", 5) == 0;
}

static void fill_worker(const struct control *c, unsigned worker, struct worker_view *v)
{
	v->worker = worker;
	v->usage = counters_worker_usage(c, worker);
	counters_worker_stats(c, worker, &v->stats);
	for (unsigned i = 0; i < dp_counters(c->dp); i++)
		if (is_drop(c, i))
			v->drops += counters_worker(c, worker, i);
}

// The worker at `index`, then its counters from `nth` - 1 on.
static unsigned worker_step(struct control *c, struct request *r)
{
	struct request_cursor *k = &r->cursor;
	struct counter_view *v;
	uint64_t value;
	unsigned i;

	if (k->index >= dp_workers(c->dp))
		return 0;
	if (k->nth == 0) {
		fill_worker(c, k->index, &next_view(r, VIEW_WORKER)->worker);
		k->nth = 1;
		return REQUEST_ITEM;
	}
	i = k->nth++ - 1;
	if (i >= dp_counters(c->dp)) {
		k->nth = 0;
		return next_object(k, 1);
	}
	value = counters_worker(c, k->index, i);
	if (!value || !is_drop(c, i))
		return 1;
	v = &next_view(r, VIEW_COUNTER)->counter;
	v->value = value;
	snprintf(v->name, sizeof(v->name), "%s", dp_counter_name(c->dp, i));
	return REQUEST_ITEM;
}

static const char *const part_names[] = {
	[TURN_PART_EVENTS] = "events of the workers",
	[TURN_PART_IKE] = "messages of known IKE SAs",
	[TURN_PART_IKE_NEW] = "first messages",
	[TURN_PART_FRAMES] = "ARP and neighbour discovery",
	[TURN_PART_OUTBOX] = "messages that had to wait",
	[TURN_PART_DH] = "results of Diffie-Hellman",
	[TURN_PART_ADMISSION] = "admission",
	[TURN_PART_TIMERS] = "timers",
	[TURN_PART_TEARDOWN] = "ends of peers",
	[TURN_PART_ORDERS] = "orders of the command line",
};

_Static_assert(TURN_PARTS == CONTROL_PARTS &&
                       sizeof(part_names) / sizeof(part_names[0]) == TURN_PARTS,
               "each has a name");

static unsigned control_step(struct control *c, struct request *r)
{
	struct control_counters now;
	struct control_view *v;

	if (r->cursor.index++)
		return 0;
	v = &next_view(r, VIEW_CONTROL)->control;
	counters_control(c, &now);
	v->usage = counters_control_usage(c);
	v->turns = now.turns;
	v->busy_turns = now.busy_turns;
	v->late_turns = now.late_turns;
	v->longest_us = now.longest_us;
	v->longest_cpu_us = now.longest_cpu_us;
	v->long_turns = now.long_turns;
	for (unsigned i = 0; i < TURN_PARTS; i++) {
		v->parts[i].name = part_names[i];
		v->parts[i].us = now.parts[i].us;
		v->parts[i].longest_us = now.parts[i].longest_us;
	}
	v->teardowns = now.teardowns;
	v->teardown_ms = now.teardown_ticks * TICK_MS;
	v->longest_teardown_ms = now.longest_teardown_ticks * TICK_MS;
	return REQUEST_ITEM;
}

static void memory_row(struct memory_view *v, const char *name, uint32_t used, size_t bytes)
{
	v->rows[v->n].name = name;
	v->rows[v->n].used = used;
	v->rows[v->n++].bytes = (uint32_t)bytes;
}

static unsigned memory_step(struct control *c, struct request *r)
{
	struct memory_view *v;
	struct dp_memory dp;

	if (r->cursor.index++)
		return 0;
	v = &next_view(r, VIEW_MEMORY)->memory;
	dp_memory(c->dp, &dp);
	memory_row(v, "peers", c->peers.used, sizeof(struct peer));
	memory_row(v, "IKE SAs", c->ike_sas.used, sizeof(struct ike_sa));
	memory_row(v, "children", c->children.used, sizeof(struct child));
	memory_row(v, "flows", c->flows, sizeof(struct flow));
	memory_row(v, "tunnels", c->flows, dp.tunnel_bytes);
	memory_row(v, "SAs, in and out", dp.sas, dp.sa_bytes);
	memory_row(v, "expanded keys of AES-GCM", dp.expanded, dp.expanded_bytes);
	memory_row(v, "policy rules", dp.rules, dp.rule_bytes);
	v->timers = c->wheel.armed;
	v->timer_bytes = sizeof(struct wheel_timer);
	return REQUEST_ITEM;
}

// Subinterfaces have no queues.
static unsigned port_step(struct control *c, struct request *r)
{
	uint16_t index = (uint16_t)r->cursor.index++;
	struct dp_port_steering steering;
	struct dp_iface_info info;
	struct port_view *v;

	if (index >= c->n_ports)
		return 0;
	dp_port_steering(c->dp, index, &steering);
	if (!steering.queues)
		return 1;
	dp_iface_info(c->dp, index, &info);
	v = &next_view(r, VIEW_PORT)->port;
	iface_name(c, index, v->name);
	memcpy(v->driver, info.driver, sizeof(v->driver));
	v->steering = steering;
	return REQUEST_ITEM;
}

static unsigned arp_step(struct control *c, struct request *r)
{
	struct arp_view *v = &next_view(r, VIEW_ARP)->arp;

	if (!neighbour_next(c, &r->cursor.index, &v->entry)) {
		r->n--;
		return 0;
	}
	iface_name(c, v->entry.iface, v->iface);
	return REQUEST_ITEM;
}

static unsigned status_step(struct control *c, struct request *r)
{
	struct status_view *v;

	if (r->cursor.index++)
		return 0;
	v = &next_view(r, VIEW_STATUS)->status;
	v->peers = c->peers.used;
	v->ike_sas = c->ike_sas.used;
	v->half_open = c->half_open;
	v->children = c->children.used;
	v->max_peers = c->peers.limit;
	v->max_sas = c->max_sas - c->sas_for_renewals;
	v->workers = dp_workers(c->dp);
	v->debug_isakmp = c->log.debug_isakmp;
	v->debug_ipsec = c->log.debug_ipsec;
	return REQUEST_ITEM;
}

unsigned collect_step(struct control *c, struct request *r)
{
	switch (r->kind) {
	case REQUEST_SESSIONS:
	case REQUEST_PEERS:
		return session_step(c, r);
	case REQUEST_IKE_SAS:
		return ike_step(c, r);
	case REQUEST_IPSEC_SAS:
		return ipsec_step(c, r);
	case REQUEST_FLOWS:
		return flow_start(c, r);
	case REQUEST_INTERFACES:
		return interface_step(c, r);
	case REQUEST_COUNTERS:
		return counter_step(c, r);
	case REQUEST_ARP:
		return arp_step(c, r);
	case REQUEST_STATUS:
		return status_step(c, r);
	case REQUEST_WORKERS:
		return worker_step(c, r);
	case REQUEST_CONTROL:
		return control_step(c, r);
	case REQUEST_MEMORY:
		return memory_step(c, r);
	case REQUEST_PORTS:
		return port_step(c, r);
	default:
		return 0;
	}
}
