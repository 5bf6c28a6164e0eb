// See fake_dp.h. Everything happens at once, on the caller's thread.
#include "fake_dp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bytes.h"

void (*fake_look)(void);
tick_t fake_now = 1000;

static void slots_init(struct fake_slots *s, uint32_t *free, uint32_t n)
{
	s->free = free;
	s->n = n;
	for (uint32_t i = 0; i < n; i++)
		free[i] = n - 1 - i;
}

struct dp *fake_dp_create(void)
{
	struct dp *dp = calloc(1, sizeof(*dp));

	dp->sent_tail = &dp->sent;
	for (unsigned i = 0; i < DP_PUNT_CLASSES; i++)
		dp->tails[i] = &dp->rings[i];
	dp->next_spi = 0x80000100;
	slots_init(&dp->sa_slots, dp->sa_free, FAKE_SAS);
	slots_init(&dp->tunnel_slots, dp->tunnel_free, FAKE_TUNNELS);
	slots_init(&dp->policy_slots, dp->policy_free, FAKE_POLICY);
	return dp;
}

bool fake_dp_is_empty(const struct dp *dp)
{
	for (unsigned i = 0; i < FAKE_SAS; i++)
		if (dp->sas[i].used)
			return false;
	for (unsigned i = 0; i < FAKE_IKE; i++)
		if (dp->ike_tags[i])
			return false;
	return dp->errors == 0;
}

static void free_list(struct fake_datagram *d)
{
	while (d) {
		struct fake_datagram *next = d->next;

		free(d);
		d = next;
	}
}

void fake_dp_destroy(struct dp *dp)
{
	free_list(dp->sent);
	for (unsigned i = 0; i < DP_PUNT_CLASSES; i++)
		free_list(dp->rings[i]);
	free(dp);
}

struct fake_datagram *fake_dp_take(struct dp *dp)
{
	struct fake_datagram *d = dp->sent;

	if (!d)
		return NULL;
	dp->sent = d->next;
	if (!dp->sent)
		dp->sent_tail = &dp->sent;
	d->next = NULL;
	return d;
}

static bool is_marked(const struct dp *dp, const uint8_t *cookie)
{
	struct reader r = reader_make(cookie, 8);
	uint32_t slot = reader_u32(&r), tag = reader_u32(&r);

	return slot < FAKE_IKE && tag && dp->ike_tags[slot] == tag;
}

static void enqueue(struct dp *dp, enum dp_punt class, const struct fake_datagram *d)
{
	struct fake_datagram *copy = malloc(sizeof(*copy));

	*copy = *d;
	copy->next = NULL;
	*dp->tails[class] = copy;
	dp->tails[class] = &copy->next;
}

void fake_dp_deliver(struct dp *dp, const struct fake_datagram *d)
{
	bool established = d->len >= 16 && (is_marked(dp, d->data) || is_marked(dp, d->data + 8));

	enqueue(dp, established ? DP_PUNT_IKE_ESTABLISHED : DP_PUNT_IKE_NEW, d);
}

void fake_dp_deliver_frame(struct dp *dp, const uint8_t *frame, uint16_t len)
{
	struct fake_datagram d = {.len = len};

	memcpy(d.data, frame, len);
	enqueue(dp, DP_PUNT_FRAME, &d);
}

void fake_dp_raise(struct dp *dp, struct dp_event ev)
{
	if (dp->end_of_events == FAKE_EVENTS) {
		unsigned first = dp->first_event, n = dp->end_of_events - first;

		memmove(dp->due, dp->due + first, n * sizeof(dp->due[0]));
		memmove(dp->events, dp->events + first, n * sizeof(dp->events[0]));
		dp->first_event = 0;
		dp->end_of_events = n;
	}
	if (dp->end_of_events == FAKE_EVENTS) {
		dp->errors++;
		return;
	}
	dp->due[dp->end_of_events] = fake_now + (dp->event_delay ? dp->event_delay() : 0);
	dp->events[dp->end_of_events++] = ev;
}

bool fake_dp_has_events(const struct dp *dp)
{
	return dp->end_of_events > dp->first_event;
}

struct fake_tunnel *fake_tunnel_at(struct dp *dp, struct handle h)
{
	if (h.index >= FAKE_TUNNELS || !dp->tunnels[h.index].used ||
	    dp->tunnels[h.index].generation != h.generation)
		return NULL;
	return &dp->tunnels[h.index];
}

static void doubt(struct dp *dp, struct handle tunnel, struct fake_tunnel *t, struct fake_sa *out)
{
	struct fake_sa *in = fake_sa_at(dp, out->pair);
	struct fake_peer *p;
	tick_t last;

	if (t->spec.peer >= FAKE_PEERS || t->doubted || dp->event_ring_full)
		return;
	p = &dp->peers[t->spec.peer];
	last = in && in->have_in ? in->last_in : p->heard;
	if (p->have_heard)
		last = tick_max(last, p->heard);
	if (!p->doubt_after || tick_diff(fake_now, last) < (int32_t)p->doubt_after)
		return;
	t->doubted = true;
	fake_dp_raise(dp, (struct dp_event){.kind = DP_EVENT_DOUBT, .tunnel = tunnel});
}

bool fake_dp_packet(struct dp *dp, struct handle tunnel, struct fake_sa **sa)
{
	struct fake_tunnel *t = fake_tunnel_at(dp, tunnel);
	struct fake_sa *out;

	if (!t)
		return false;
	t->have_out = true;
	t->last_out = fake_now;
	out = fake_sa_at(dp, t->out_sa);
	if (out && out->live) {
		out->packets++;
		doubt(dp, tunnel, t, out);
		if (sa)
			*sa = out;
		return true;
	}
	t->held++;
	if (!t->asked && !dp->event_ring_full) {
		t->asked = true;
		fake_dp_raise(dp, (struct dp_event){.kind = DP_EVENT_ACQUIRE, .tunnel = tunnel});
	}
	return false;
}

struct handle fake_dp_tunnel(const struct dp *dp)
{
	for (uint32_t i = 0; i < FAKE_TUNNELS; i++)
		if (dp->tunnels[i].used)
			return (struct handle){i, dp->tunnels[i].generation};
	return (struct handle){0};
}

// ---- the contract

tick_t dp_now(const struct dp *dp)
{
	(void)dp;
	return fake_now;
}

// Goes on where ticks wrap.
uint64_t dp_now_us(const struct dp *dp)
{
	static uint64_t ticks;

	(void)dp;
	if (fake_look)
		fake_look();
	ticks += (tick_t)(fake_now - (tick_t)ticks);
	return ticks * TICK_MS * 1000;
}

int dp_ticker_start(struct dp *dp, unsigned period_ms, void (*fn)(void *arg), void *arg)
{
	(void)period_ms;
	dp->tick = fn;
	dp->tick_arg = arg;
	return 0;
}

void dp_timers_run(struct dp *dp)
{
	if (dp->tick)
		dp->tick(dp->tick_arg);
}

void dp_control_idle(struct dp *dp, unsigned max_us)
{
	(void)dp;
	(void)max_us;
}

int dp_control_watch(struct dp *dp, int fd)
{
	(void)dp;
	(void)fd;
	return 0;
}

void dp_control_unwatch(struct dp *dp, int fd)
{
	(void)dp;
	(void)fd;
}

unsigned dp_punt_recv(struct dp *dp, enum dp_punt class, struct dp_view *views, unsigned max)
{
	unsigned n = 0;

	while (n < max && dp->rings[class]) {
		struct fake_datagram *d = dp->rings[class];

		dp->rings[class] = d->next;
		if (!d->next)
			dp->tails[class] = &dp->rings[class];
		views[n++] = (struct dp_view){.data = d->data,
		                              .len = d->len,
		                              .iface = dp->arrives_by,
		                              .arrived = fake_now,
		                              .src = d->src,
		                              .dst = d->dst,
		                              .src_port = d->src_port,
		                              .dst_port = d->dst_port,
		                              .marker = d->marker,
		                              .owner = d};
	}
	return n;
}

void dp_punt_release(struct dp *dp, struct dp_view *views, unsigned n)
{
	(void)dp;
	for (unsigned i = 0; i < n; i++)
		free(views[i].owner);
}

tick_t dp_punt_horizon(const struct dp *dp)
{
	(void)dp;
	return fake_now;
}

tick_t dp_punt_losses_until(const struct dp *dp)
{
	return dp->losses_until ? dp->losses_until : fake_now;
}

uint64_t dp_punt_losses(const struct dp *dp, uint16_t iface)
{
	uint64_t sum = dp->punt_losses;

	for (unsigned i = 0; i < DP_PORTS_MAX; i++)
		if (iface == DP_ALL_IFACES || iface == i)
			sum += dp->port_losses[i];
	return sum;
}

int dp_datagram_send(struct dp *dp, const struct dp_datagram *d)
{
	struct fake_datagram *copy;

	if (dp->unreachable)
		return -EHOSTUNREACH;
	if (dp->send_full)
		return -EAGAIN;
	if (d->len > FAKE_DATAGRAM_MAX)
		return -EMSGSIZE;
	copy = calloc(1, sizeof(*copy));
	copy->src = d->src;
	copy->dst = d->dst;
	copy->src_port = d->src_port;
	copy->dst_port = d->dst_port;
	copy->marker = d->marker;
	copy->len = d->len;
	memcpy(copy->data, d->data, d->len);
	*dp->sent_tail = copy;
	dp->sent_tail = &copy->next;
	dp->n_sent++;
	return 0;
}

bool dp_way_is_full(const struct dp *dp, const struct ip_addr *dst)
{
	(void)dst;
	return dp->send_full;
}

int dp_echo_send(struct dp *dp, const struct dp_echo *echo)
{
	dp->echo = *echo;
	dp->echoes++;
	if (dp->unreachable)
		return -EHOSTUNREACH;
	if (dp->echo_answers) {
		dp->echo_answers--;
		fake_dp_raise(dp, (struct dp_event){.kind = DP_EVENT_ECHO,
		                                    .addr = echo->dst,
		                                    .local = echo->src,
		                                    .port = echo->sequence});
	}
	return 0;
}

int dp_frame_send(struct dp *dp, uint16_t iface, const uint8_t *frame, uint16_t len)
{
	(void)iface;
	if (len > sizeof(dp->frame))
		return -EMSGSIZE;
	memcpy(dp->frame_before, dp->frame, sizeof(dp->frame));
	memcpy(dp->frame, frame, len);
	dp->frame_len = len;
	if (dp->first_frame && dp->frames == 0)
		memcpy(dp->first_frame, frame, len);
	dp->frames++;
	if (dp->watch_frames)
		dp->watch_frames(frame);
	return 0;
}

void dp_ike_mark(struct dp *dp, uint32_t slot, uint32_t tag)
{
	if (slot < FAKE_IKE)
		dp->ike_tags[slot] = tag;
	else
		dp->errors++;
}

// Takes what is due, of the oldest first; what is not moves up behind it.
unsigned dp_events(struct dp *dp, struct dp_event *events, unsigned max)
{
	unsigned i = dp->first_event, n = 0, late = 0;

	for (; i < dp->end_of_events && n < max; i++) {
		if (tick_diff(fake_now, dp->due[i]) >= 0)
			events[n++] = dp->events[i];
		else
			late++;
	}
	for (unsigned to = i, from = i; late; from--) {
		if (tick_diff(fake_now, dp->due[from - 1]) >= 0)
			continue;
		dp->due[--to] = dp->due[from - 1];
		dp->events[to] = dp->events[from - 1];
		late--;
	}
	dp->first_event += n;
	// The slots are free from here on, before the caller has looked at the events.
	for (i = 0; i < n; i++)
		if (events[i].kind == DP_EVENT_SA_GONE)
			fake_sa_gone(dp, events[i].sa);
	return n;
}

void dp_peer_watch(struct dp *dp, uint32_t peer, tick_t doubt_after)
{
	dp->peers[peer].doubt_after = doubt_after;
}

void dp_peer_heard(struct dp *dp, uint32_t peer, tick_t when)
{
	dp->peers[peer].heard = when;
	dp->peers[peer].have_heard = true;
}

int dp_tunnel_add(struct dp *dp, const struct dp_tunnel_spec *spec, struct handle *tunnel)
{
	struct fake_tunnel *t;
	uint32_t i;

	if (dp->no_tunnels || dp->tunnel_slots.n == 0)
		return -ENOSPC;
	i = dp->tunnel_slots.free[--dp->tunnel_slots.n];
	t = &dp->tunnels[i];
	*t = (struct fake_tunnel){.used = true, .generation = t->generation + 1, .spec = *spec};
	*tunnel = (struct handle){i, t->generation};
	return 0;
}

void dp_tunnel_del(struct dp *dp, struct handle tunnel)
{
	struct fake_tunnel *t = fake_tunnel_at(dp, tunnel);

	if (!t) {
		dp->errors++;
		return;
	}
	t->used = false;
	dp->tunnel_slots.free[dp->tunnel_slots.n++] = tunnel.index;
}

void dp_tunnel_set_peer(struct dp *dp, struct handle tunnel, uint32_t peer)
{
	struct fake_tunnel *t = fake_tunnel_at(dp, tunnel);

	if (t)
		t->spec.peer = peer;
}

void dp_tunnel_use(struct dp *dp, struct handle tunnel, struct handle out_sa)
{
	struct fake_tunnel *t = fake_tunnel_at(dp, tunnel);

	if (!t)
		return;
	t->out_sa = out_sa;
	t->asked = false;
	t->held = 0;
}

void dp_tunnel_refuse(struct dp *dp, struct handle tunnel)
{
	struct fake_tunnel *t = fake_tunnel_at(dp, tunnel);

	if (!t)
		return;
	t->asked = false;
	t->held = 0;
	t->refused++;
}

void dp_tunnel_doubt_ack(struct dp *dp, struct handle tunnel)
{
	struct fake_tunnel *t = fake_tunnel_at(dp, tunnel);

	if (t)
		t->doubted = false;
}

bool dp_tunnel_last_out(const struct dp *dp, struct handle tunnel, tick_t *when)
{
	const struct fake_tunnel *t = &dp->tunnels[tunnel.index];

	*when = t->last_out;
	return t->have_out;
}

static void watched(const struct dp *dp)
{
	if (dp->watch)
		dp->watch(dp);
}

int dp_policy_add(struct dp *dp, const struct dp_policy_rule *rule, struct handle *policy)
{
	struct fake_policy *p;
	uint32_t i;

	if (dp->policy_slots.n == 0)
		return -ENOSPC;
	i = dp->policy_slots.free[--dp->policy_slots.n];
	p = &dp->policies[i];
	p->used = true;
	p->generation++;
	p->rule = *rule;
	*policy = (struct handle){i, p->generation};
	watched(dp);
	return 0;
}

void dp_policy_del(struct dp *dp, struct handle policy)
{
	struct fake_policy *p = &dp->policies[policy.index];

	if (policy.index >= FAKE_POLICY || !p->used || p->generation != policy.generation) {
		dp->errors++;
		return;
	}
	p->used = false;
	dp->policy_slots.free[dp->policy_slots.n++] = policy.index;
	watched(dp);
}

void dp_policy_hold(struct dp *dp, uint16_t iface, bool hold)
{
	dp->hold[iface] = hold;
	watched(dp);
}

int dp_iface_set(struct dp *dp, uint16_t iface, const struct dp_iface_config *config)
{
	const struct dp_iface_config *old = &dp->ifaces[iface];

	if (old->network.addr.family && !config->network.addr.family)
		dp->opened += !fake_dp_is_lost(dp, &old->network.addr);
	for (unsigned i = 0; !config->n_addresses6 && i < old->n_addresses6; i++)
		dp->opened += !addr_is_link_local(&old->addresses6[i].address) &&
		              !fake_dp_is_lost(dp, &old->addresses6[i].address);
	dp->ifaces[iface] = *config;
	if (dp->iface_error[iface])
		dp->ifaces[iface].n_addresses6 = 0;
	if (dp->device_mtu && dp->ifaces[iface].mtu6 > dp->device_mtu)
		dp->ifaces[iface].mtu6 = dp->device_mtu;
	watched(dp);
	return dp->iface_error[iface];
}

bool dp_iface_has_network(const struct dp *dp, uint16_t iface, const struct ip_prefix *network)
{
	const struct dp_iface_config *config = &dp->ifaces[iface];

	for (unsigned i = 0; i < config->n_addresses6; i++)
		if (prefix_equal(&config->addresses6[i].network, network))
			return true;
	return prefix_equal(&config->network, network);
}

uint16_t dp_iface_mtu6(const struct dp *dp, uint16_t iface)
{
	return dp->ifaces[iface].mtu6;
}

int dp_vlan_add(struct dp *dp, const struct dp_vlan_config *config, uint16_t *iface)
{
	(void)config;
	for (uint16_t i = 0; i < DP_IFACES_MAX - 8; i++) {
		if (dp->vlans[i])
			continue;
		dp->vlans[i] = config->vlan;
		*iface = i + 8; // beyond any test's ports
		return 0;
	}
	return -ENOSPC;
}

void dp_vlan_del(struct dp *dp, uint16_t iface)
{
	if (dp->watch_routes)
		dp->watch_routes(dp, true);
	dp->vlans[iface - 8] = 0;
}

void dp_iface_info(const struct dp *dp, uint16_t iface, struct dp_iface_info *out)
{
	*out = (struct dp_iface_info){.link_up = true, .mtu_max = dp_iface_mtu_max(dp, iface)};
	dp_iface_mac(dp, iface, out->mac);
}

void dp_ipv6_routing(struct dp *dp, bool on)
{
	(void)dp;
	(void)on;
}

// Two queues of two workers; the driver takes rules for one kind of packet.
void dp_port_steering(const struct dp *dp, uint16_t iface, struct dp_port_steering *out)
{
	(void)dp;
	(void)iface;
	*out = (struct dp_port_steering){.queues = 2, .workers = 2};
	out->kinds[0] = (struct dp_steer_kind){.asked = true, .rules = 2};
	out->kinds[1] = (struct dp_steer_kind){.asked = true, .refused = "no room"};
}

const char *dp_steer_name(unsigned kind)
{
	(void)kind;
	return "ESP over X";
}

unsigned dp_workers(const struct dp *dp)
{
	(void)dp;
	return 1;
}

struct dp_worker_stats fake_worker;
uint64_t fake_counters[2];

unsigned dp_counters(const struct dp *dp)
{
	(void)dp;
	return 2;
}

const char *dp_counter_name(const struct dp *dp, unsigned counter)
{
	(void)dp;
	return counter == 0 ? "drop no-route" : counter == 1 ? "received" : NULL;
}

uint64_t dp_counter(const struct dp *dp, unsigned worker, unsigned counter)
{
	(void)dp;
	(void)worker;
	return counter < 2 ? fake_counters[counter] : 0;
}

void dp_worker_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *out)
{
	(void)dp;
	(void)worker;
	*out = fake_worker;
}

void dp_worker_sample(struct dp *dp, uint32_t period)
{
	(void)dp;
	(void)period;
}

const char *dp_stage_name(unsigned stage)
{
	return stage < DP_STAGES ? "stage" : NULL;
}

const char *dp_fill_name(unsigned fill)
{
	return fill < DP_FILL_CLASSES ? "fill" : NULL;
}

const char *dp_version(void)
{
	return "no dataplane (test)";
}
