// Our own IPv6 addresses on the segment: answers who asks for them, and finds out whether somebody
// else has one; tells switches that listen for it that we want the solicitations for it (RFC 2710,
// RFC 3810). Control core only. Must not use an address before that is known (RFC 4862, 5.4).
#include "nd.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "bytes.h"
#include "control.h"
#include "mld_message.h"
#include "nd_message.h"
#include "neighbour.h"
#include "renewal.h"
#include "router.h"
#include "wheel.h"

#define DAD_WAIT      ticks_from_seconds(1)  // RFC 4861, 10: RETRANS_TIMER
#define ANSWER_MAX_MS 10000u                 // a query's word is taken up to this
#define CONFLICT_LOGS ticks_from_seconds(60) // one line for an address in this time

struct own_address {
	struct own_address *next;
	struct wheel_timer timer;  // the end of duplicate address detection
	struct wheel_timer answer; // a query for listeners is to be answered
	bool version1;             // ... as RFC 2710 has it
	struct ip_addr addr;
	uint8_t prefix_len;
	uint8_t state; // enum nd_state
	uint16_t iface;
	bool told; // of a conflict, at told_at
	tick_t told_at;
};

static struct own_address *find(const struct control *c, uint16_t iface, const struct ip_addr *addr)
{
	struct own_address *o;

	for (o = c->own_addresses; o; o = o->next)
		if (o->iface == iface && addr_equal(&o->addr, addr))
			return o;
	return NULL;
}

bool nd_is_usable(const struct control *c, uint16_t iface, const struct ip_addr *addr)
{
	const struct own_address *o = find(c, iface, addr);

	return o && o->state == ND_VALID;
}

unsigned nd_addresses(const struct control *c, uint16_t iface, struct nd_address *out, unsigned max)
{
	unsigned n = 0;

	for (const struct own_address *o = c->own_addresses; o && n < max; o = o->next)
		if (o->iface == iface)
			out[n++] = (struct nd_address){o->addr, o->state};
	return n;
}

static bool is_on_link(const struct own_address *o, const struct ip_addr *addr)
{
	struct ip_prefix net = prefix_make(&o->addr, o->prefix_len);

	return addr_is_link_local(&o->addr) ? addr_is_link_local(addr)
	                                    : prefix_contains(&net, addr);
}

// Our address of the same network, else the link-local one. NULL: none may be used yet.
static const struct own_address *source_for(const struct control *c, uint16_t iface,
                                            const struct ip_addr *target)
{
	const struct own_address *o, *link_local = NULL;

	for (o = c->own_addresses; o; o = o->next) {
		if (o->iface != iface || o->state != ND_VALID)
			continue;
		if (is_on_link(o, target))
			return o;
		if (addr_is_link_local(&o->addr))
			link_local = o;
	}
	return link_local;
}

static void send(struct control *c, uint16_t iface, struct nd_message *m)
{
	uint8_t frame[ND_FRAME];
	size_t len;

	dp_iface_mac(c->dp, iface, m->from);
	if (m->has_mac)
		memcpy(m->mac, m->from, sizeof(m->mac));
	if (m->dst.bytes[0] == 0xff)
		nd_multicast_mac(&m->dst, m->to);
	len = nd_write(m, frame);
	dp_frame_send(c->dp, iface, frame, (uint16_t)len);
}

void nd_solicit(struct control *c, uint16_t iface, const struct ip_addr *target, const uint8_t *mac)
{
	const struct own_address *source = source_for(c, iface, target);
	struct nd_message m = {.type = ND_SOLICITATION, .target = *target, .has_mac = true};

	if (!source)
		return;
	m.src = source->addr;
	m.dst = mac ? *target : nd_solicited_node(target);
	if (mac)
		memcpy(m.to, mac, sizeof(m.to));
	send(c, iface, &m);
}

static void advertise(struct control *c, const struct own_address *o, const struct ip_addr *dst,
                      const uint8_t to[6])
{
	struct nd_message m = {
		.type = ND_ADVERTISEMENT,
		.src = o->addr,
		.dst = {.family = 6, .bytes = {0xff, 2, [15] = 1}}, // ff02::1: all nodes
		.target = o->addr,
		.router = c->config->ipv6_unicast_routing,
		.solicited = dst,
		.override = true,
		.has_mac = true,
	};

	if (dst) {
		m.dst = *dst;
		memcpy(m.to, to, sizeof(m.to));
	}
	send(c, o->iface, &m);
}

const struct ip_addr *nd_link_local(const struct control *c, uint16_t iface)
{
	for (const struct own_address *o = c->own_addresses; o; o = o->next)
		if (o->iface == iface && o->state == ND_VALID && addr_is_link_local(&o->addr))
			return &o->addr;
	return NULL;
}

void nd_report(struct control *c, uint16_t iface, const struct ip_addr *group, bool starts,
               bool version1)
{
	const struct ip_addr none = {.family = 6}, *src = nd_link_local(c, iface);
	struct mld_report r = {.src = src ? *src : none, // RFC 3590
	                       .group = *group,
	                       .starts = starts,
	                       .version1 = version1};
	uint8_t frame[MLD_FRAME];
	size_t len;

	dp_iface_mac(c->dp, iface, r.from);
	len = mld_write(&r, frame);
	dp_frame_send(c->dp, iface, frame, (uint16_t)len);
}

// Says that we listen to the group to which solicitations for the address go.
static void report(struct control *c, const struct own_address *o, bool starts, bool version1)
{
	const struct ip_addr group = nd_solicited_node(&o->addr);

	nd_report(c, o->iface, &group, starts, version1);
}

void nd_announce(struct control *c, uint16_t iface)
{
	for (const struct own_address *o = c->own_addresses; o; o = o->next)
		if (o->iface == iface && o->state == ND_VALID)
			report(c, o, true, false);
	router_announce(c, iface);
}

static void answer_query(void *ctx, struct wheel_timer *t)
{
	struct own_address *o = container_of(t, struct own_address, answer);

	if (o->state != ND_DUPLICATE)
		report(ctx, o, false, o->version1);
}

tick_t nd_answer_within(const struct mld_query *q)
{
	return ticks_from_ms(q->delay_ms < ANSWER_MAX_MS ? q->delay_ms : ANSWER_MAX_MS);
}

// A moment later at random, as the query asks for, so that not all answer at once.
static void query(struct control *c, uint16_t iface, const struct mld_query *q)
{
	for (struct own_address *o = c->own_addresses; o; o = o->next) {
		struct ip_addr group = nd_solicited_node(&o->addr);

		if (o->iface != iface || wheel_is_armed(&o->answer) ||
		    (!addr_is_zero(&q->group) && !addr_equal(&q->group, &group)))
			continue;
		o->version1 = q->version1;
		wheel_arm(&c->wheel, &o->answer, c->now + renewal_jitter(nd_answer_within(q) + 1),
		          answer_query);
	}
}

static void dad_done(void *ctx, struct wheel_timer *t)
{
	struct own_address *o =
		(struct own_address *)(void *)((char *)t - offsetof(struct own_address, timer));
	struct control *c = ctx;

	o->state = ND_VALID;
	report(c, o, true, false); // once more: the first one may have been lost (RFC 3810, 6.1)
	advertise(c, o, NULL, NULL);
	apply_interface_addresses(c, o->iface);
}

// RFC 4862, 5.4.2: one solicitation from no address, and before it word that we want to hear
// others'.
static void dad_ask(void *ctx, struct wheel_timer *t)
{
	struct own_address *o =
		(struct own_address *)(void *)((char *)t - offsetof(struct own_address, timer));
	struct control *c = ctx;
	struct nd_message m = {.type = ND_SOLICITATION,
	                       .src = {.family = 6},
	                       .dst = nd_solicited_node(&o->addr),
	                       .target = o->addr};

	report(c, o, true, false);
	send(c, o->iface, &m);
	wheel_arm(&c->wheel, &o->timer, c->now + DAD_WAIT, dad_done);
}

void nd_link(struct control *c, uint16_t iface, bool up)
{
	for (struct own_address *o = c->own_addresses; o; o = o->next) {
		if (o->iface != iface)
			continue;
		o->state = ND_TENTATIVE;
		wheel_cancel(&c->wheel, &o->timer);
		wheel_cancel(&c->wheel, &o->answer);
		if (up)
			wheel_arm(&c->wheel, &o->timer, c->now + 1, dad_ask);
	}
}

static void drop(struct control *c, struct own_address **link)
{
	struct own_address *o = *link;

	*link = o->next;
	wheel_cancel(&c->wheel, &o->timer);
	wheel_cancel(&c->wheel, &o->answer);
	free(o);
}

// An address is one whatever its network: with another length it need not be asked for again.
static bool is_wanted(struct own_address *o, const struct config_address6 *six, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_equal(&six[i].addr, &o->addr)) {
			o->prefix_len = six[i].prefix_len;
			return true;
		}
	return false;
}

void nd_set_addresses(struct control *c, uint16_t iface, const struct config_address6 *six,
                      unsigned n)
{
	struct own_address **link = &c->own_addresses, *o;

	while (*link)
		if ((*link)->iface == iface && !is_wanted(*link, six, n))
			drop(c, link);
		else
			link = &(*link)->next;
	for (unsigned i = 0; i < n; i++) {
		if (find(c, iface, &six[i].addr))
			continue;
		o = calloc(1, sizeof(*o));
		if (!o) {
			log_msg(&c->log, LOG_ERROR, "IPV6_ND", "NO_MEMORY", "Out of memory");
			return;
		}
		o->addr = six[i].addr;
		o->prefix_len = six[i].prefix_len;
		o->iface = iface;
		o->next = c->own_addresses;
		c->own_addresses = o;
		// A moment later: the interface is being set up just now.
		if (!c->link_down[iface])
			wheel_arm(&c->wheel, &o->timer, c->now + 1, dad_ask);
	}
}

void nd_prune(struct control *c)
{
	struct own_address **link = &c->own_addresses;

	while (*link)
		if ((*link)->iface >= c->n_ports ||
		    !config_find_interface(c->config, c->ports[(*link)->iface]))
			drop(c, link);
		else
			link = &(*link)->next;
}

void nd_destroy(struct control *c)
{
	router_destroy(c);
	while (c->own_addresses)
		drop(c, &c->own_addresses);
}

// Another node has our address, or is about to take it.
static void conflict(struct control *c, struct own_address *o, const uint8_t mac[6])
{
	char text[ADDR_TEXT];

	if (o->state == ND_VALID && o->told && c->now - o->told_at < CONFLICT_LOGS)
		return;
	o->told = true;
	o->told_at = c->now;
	log_msg(&c->log, LOG_WARNING, "IPV6_ND", "DUPLICATE",
	        "Duplicate address %s on %s: %02x%02x.%02x%02x.%02x%02x has it too%s",
	        addr_format(&o->addr, text), c->ports[o->iface], mac[0], mac[1], mac[2], mac[3],
	        mac[4], mac[5], o->state == ND_VALID ? "" : "; it is not used here");
	if (o->state == ND_VALID)
		return; // RFC 4862, 5.4: who was first keeps it
	o->state = ND_DUPLICATE;
	wheel_cancel(&c->wheel, &o->timer);
}

static bool is_ours(struct control *c, uint16_t iface, const struct ip_addr *addr)
{
	const struct own_address *o = find(c, iface, addr);

	return o && o->state == ND_VALID;
}

// On one of the interface's networks, and not ours: a duplicate is somebody else's.
static bool sender_is_near(struct control *c, uint16_t iface, const struct ip_addr *addr)
{
	const struct own_address *o;
	bool near = false;

	for (o = c->own_addresses; o && !near; o = o->next)
		near = o->iface == iface && o->state == ND_VALID && is_on_link(o, addr);
	return near && !is_ours(c, iface, addr);
}

static void solicitation(struct control *c, uint16_t iface, const struct nd_message *m)
{
	struct own_address *o = find(c, iface, &m->target);
	const uint8_t *mac = m->has_mac ? m->mac : m->from;

	if (!o || o->state == ND_DUPLICATE)
		return;
	if (o->state == ND_TENTATIVE) {
		if (addr_is_zero(&m->src)) // it wants the address as well (RFC 4862, 5.4.3)
			conflict(c, o, m->from);
		return;
	}
	if (addr_is_zero(&m->src)) {
		advertise(c, o, NULL, NULL);
		return;
	}
	if (is_ours(c, iface, &m->src))
		return;
	// The link may have prefixes of which we have no address; learned are only neighbours.
	advertise(c, o, &m->src, mac);
	if (sender_is_near(c, iface, &m->src))
		neighbour_solicited(c, iface, &m->src, mac);
}

void nd_frame(struct control *c, const struct dp_view *v)
{
	struct own_address *o;
	struct mld_query q;
	struct nd_message m;
	uint8_t own[6];

	if (v->iface >= c->n_ports)
		return;
	dp_iface_mac(c->dp, v->iface, own);
	if (mld_read(v->data, v->len, &q) == 0 && memcmp(q.from, own, sizeof(own)) != 0) {
		query(c, v->iface, &q);
		router_query(c, v->iface, &q);
	}
	if (nd_read(v->data, v->len, &m) < 0)
		return;
	if (!memcmp(m.from, own, sizeof(own)))
		return; // our own, come back
	if (m.type == ND_ROUTER_SOLICITATION) {
		router_solicited(c, v->iface);
		if (m.has_mac && sender_is_near(c, v->iface, &m.src))
			neighbour_solicited(c, v->iface, &m.src, m.mac);
		return;
	}
	if (m.type == ND_SOLICITATION) {
		solicitation(c, v->iface, &m);
		return;
	}
	o = find(c, v->iface, &m.target);
	if (o && o->state != ND_DUPLICATE)
		conflict(c, o, m.from);
	else
		neighbour_advertised(c, v->iface, &m);
}
