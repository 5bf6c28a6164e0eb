// The workers' neighbours: resolves next hops by ARP or neighbour discovery, keeps them fresh, and
// answers ARP requests for our addresses (for IPv6 that is nd.c's).
// Control core only. Must not learn from frames that nobody asked for, and of an address that is
// not on that interface's network only from the answer to a request of ours: a route may lead to
// one.
#include "neighbour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "bytes.h"
#include "control.h"
#include "nd.h"
#include "nd_message.h"
#include "wheel.h"

#define ARP_REQUEST 1
#define ARP_REPLY   2
#define ARP_FRAME   60 // bytes: 42 and padding to the shortest Ethernet frame

#define ASK_EVERY   ticks_from_seconds(1)
#define ASKS_MAX    3
#define FRESH_FOR   ticks_from_seconds(60)
#define VERIFY_IN   ticks_from_seconds(5)  // RFC 4861, 10: DELAY_FIRST_PROBE_TIME
#define KEEP_ASKING ticks_from_seconds(10) // one that does not answer and is still wanted
// Requests without an answer until a known neighbour is given up: about two minutes.
#define STALE_ASKS_MAX 14

#define IPV6_LATER      (TICKS_PER_SECOND + 5) // than our duplicate address detection
#define DEFEND_INTERVAL ticks_from_seconds(10) // RFC 5227, 1.1
#define CONFLICT_LOGS   ticks_from_seconds(60)

#define DOUBT_AFTER ticks_from_seconds(2) // it was heard, at the earliest
#define DOUBTS      10u // a tick: a next hop serves many, and neighbours that die are many

#define LIVE_FOR    ticks_from_seconds(60) // a known neighbour keeps its place so long at least
#define PER_BUCKET  4u                     // when the table is full
#define SWEEP_TICKS 90u                    // for all of them
#define FULL_LOGS   ticks_from_seconds(60)

// How readily a neighbour gives way in a full table. Whom nobody has wanted yet goes first, so that
// those who only claim to be there keep nobody out, then who does not answer, then who is known.
// Gateways of routes stay.
enum rank { HEARD_OF, SILENT, KNOWN, KEPT, RANKS };

struct neighbour {
	struct neighbour *next, **link; // of the same rank, who was wanted last at the end
	struct neighbour *chain;        // of the same bucket
	struct wheel_timer timer;       // ask again, or refresh
	struct ip_addr addr;
	uint32_t kept; // routes that name it
	uint16_t iface;
	uint8_t rank; // enum rank
	uint8_t asks; // requests without an answer
	bool complete;
	bool wanted; // packets have waited for it; else it is only heard of
	bool stale;  // of IPv6: heard without asking, to be verified in a moment
	uint8_t mac[6];
	tick_t since;     // it has been known like this
	tick_t heard;     // last, once complete
	tick_t wanted_at; // last
};

struct neighbours {
	struct queue {
		struct neighbour *first, **end;
	} ranks[RANKS];
	struct neighbour **buckets;
	uint32_t n_buckets; // a power of two
	uint32_t n, max;
	tick_t doubted_at;
	unsigned doubts;  // of that tick
	tick_t looked_at; // for one that may go; for those that are only heard of, once a tick
	bool full;
	tick_t full_told_at;
	// Who is asked again: all of IPv4, all of an interface; and who goes with an interface. So
	// many buckets are still to be looked at, a part of them a tick.
	struct wheel_timer sweep;
	uint32_t sweep_at, sweep_left;
	bool again4, again[DP_IFACES_MAX], gone[DP_IFACES_MAX];
	struct conflict {
		bool seen;
		tick_t told_at, defended_at;
	} conflicts[DP_IFACES_MAX]; // somebody else has our IPv4 address there
};

struct neighbours *neighbour_create(uint32_t max_peers)
{
	struct neighbours *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->max = max_peers < NEIGHBOURS_MIN ? NEIGHBOURS_MIN : max_peers;
	if (all->max > DP_NEIGHBOURS_MAX - NEIGHBOURS_OTHERS)
		all->max = DP_NEIGHBOURS_MAX - NEIGHBOURS_OTHERS;
	all->max += NEIGHBOURS_OTHERS;
	all->n_buckets = 1;
	while (all->n_buckets < all->max / PER_BUCKET)
		all->n_buckets *= 2;
	for (unsigned i = 0; i < RANKS; i++)
		all->ranks[i].end = &all->ranks[i].first;
	all->buckets = calloc(all->n_buckets, sizeof(struct neighbour *));
	if (all->buckets)
		return all;
	free(all);
	return NULL;
}

static void leave_rank(struct neighbours *all, struct neighbour *n)
{
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
	else
		all->ranks[n->rank].end = n->link;
}

// At the end of those of its rank.
static void enter_rank(struct neighbours *all, struct neighbour *n)
{
	struct queue *q;

	n->rank = n->kept ? KEPT : !n->wanted ? HEARD_OF : n->complete ? KNOWN : SILENT;
	q = &all->ranks[n->rank];
	n->next = NULL;
	n->link = q->end;
	*q->end = n;
	q->end = &n->next;
}

// What its rank depends on has changed, or it is wanted once more.
static void move_rank(struct control *c, struct neighbour *n)
{
	leave_rank(c->neighbours, n);
	enter_rank(c->neighbours, n);
}

static struct neighbour **bucket(const struct control *c, uint16_t iface,
                                 const struct ip_addr *addr)
{
	const struct neighbours *all = c->neighbours;

	return &all->buckets[(addr_hash(&c->salt, addr) + iface) & (all->n_buckets - 1)];
}

static struct neighbour *find(const struct control *c, uint16_t iface, const struct ip_addr *addr)
{
	struct neighbour *n;

	for (n = *bucket(c, iface, addr); n; n = n->chain)
		if (n->iface == iface && addr_equal(&n->addr, addr))
			return n;
	return NULL;
}

static void drop(struct control *c, struct neighbour *n)
{
	struct neighbour **at = bucket(c, n->iface, &n->addr);

	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	leave_rank(c->neighbours, n);
	c->neighbours->n--;
	wheel_cancel(&c->wheel, &n->timer);
	free(n);
}

// The workers forget it too.
static void forget(struct control *c, struct neighbour *n)
{
	dp_neighbour_del(c->dp, n->iface, &n->addr);
	drop(c, n);
}

void neighbour_destroy(struct control *c)
{
	struct neighbours *all = c->neighbours;

	nd_destroy(c);
	if (!all)
		return;
	for (unsigned rank = 0; rank < RANKS; rank++)
		while (all->ranks[rank].first)
			drop(c, all->ranks[rank].first);
	wheel_cancel(&c->wheel, &all->sweep);
	free(all->buckets);
	free(all);
	c->neighbours = NULL;
}

// The interface's own address, NULL if it has none (RFC 826 needs a sender).
static const struct config_interface *interface_of(const struct control *c, uint16_t iface)
{
	const struct config_interface *i;

	if (iface >= c->n_ports)
		return NULL;
	i = config_find_interface(c->config, c->ports[iface]);
	return i && i->address.family == 4 && !i->shutdown ? i : NULL;
}

// RFC 826: one ARP packet for Ethernet and IPv4.
static void send_arp(struct control *c, uint16_t iface, uint16_t operation, const uint8_t dst[6],
                     const struct ip_addr *sender, const uint8_t target_mac[6],
                     const struct ip_addr *target)
{
	uint8_t frame[ARP_FRAME] = {0};
	struct writer w = writer_make(frame, sizeof(frame));
	uint8_t own[6];

	dp_iface_mac(c->dp, iface, own);
	writer_put(&w, dst, 6);
	writer_put(&w, own, 6);
	writer_u16(&w, 0x0806);
	writer_u16(&w, 1);
	writer_u16(&w, 0x0800);
	writer_u8(&w, 6);
	writer_u8(&w, 4);
	writer_u16(&w, operation);
	writer_put(&w, own, 6);
	writer_put(&w, sender->bytes, 4);
	writer_put(&w, target_mac, 6);
	writer_put(&w, target->bytes, 4);
	dp_frame_send(c->dp, iface, frame, sizeof(frame));
}

static void ask(struct control *c, struct neighbour *n)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, nobody[6];
	const struct config_interface *i = interface_of(c, n->iface);
	bool directly;

	if (n->asks < UINT8_MAX)
		n->asks++;
	// A known neighbour is asked directly first (RFC 1122, 2.3.2.1; RFC 4861, 7.3.3).
	directly = n->complete && n->asks < 3;
	if (n->addr.family == 6)
		nd_solicit(c, n->iface, &n->addr, directly ? n->mac : NULL);
	else if (i)
		send_arp(c, n->iface, ARP_REQUEST, directly ? n->mac : broadcast, &i->address,
		         nobody, &n->addr);
}

static void expired(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct neighbour *n = container_of(t, struct neighbour, timer);

	// A known neighbour that does not answer goes on being used for a while: silence on ARP
	// must not keep a probe from the wire, and a new address would come with the answer.
	if (n->complete && n->asks >= STALE_ASKS_MAX) {
		dp_neighbour_del(c->dp, n->iface, &n->addr);
		n->complete = false;
		move_rank(c, n);
	}
	if (c->neighbours->gone[n->iface] || (!n->complete && n->asks >= ASKS_MAX && !n->kept)) {
		forget(c, n);
		return;
	}
	ask(c, n);
	wheel_arm(&c->wheel, &n->timer, c->now + (n->asks < ASKS_MAX ? ASK_EVERY : KEEP_ASKING),
	          expired);
}

// Who is known keeps its place for a while, who may be has time for an answer.
static bool may_go(const struct control *c, const struct neighbour *n)
{
	tick_t unused = c->now - n->wanted_at;

	return n->rank == HEARD_OF || unused >= (n->rank == SILENT ? ASK_EVERY : LIVE_FOR);
}

// The table is full. Nobody says which of the known ones still have packets: who was wanted longest
// ago goes, and comes back with the next packet. For one that is only heard of nobody goes but
// others like it.
static void make_room(struct control *c, bool wanted)
{
	struct neighbour *n;

	for (unsigned rank = HEARD_OF; rank <= (wanted ? KNOWN : HEARD_OF); rank++) {
		n = c->neighbours->ranks[rank].first;
		if (!n || !may_go(c, n))
			continue;
		forget(c, n);
		return;
	}
}

static void tell_full(struct control *c)
{
	struct neighbours *all = c->neighbours;

	if (all->full && c->now - all->full_told_at < FULL_LOGS)
		return;
	all->full = true;
	all->full_told_at = c->now;
	log_msg(&c->log, LOG_WARNING, "IP", "NEIGHBORS",
	        "No room for more than the %u neighbors that are in use", all->n);
}

// Is there room for one more?
static bool has_room(struct control *c, bool wanted)
{
	struct neighbours *all = c->neighbours;

	if (all->n >= all->max && (wanted || all->looked_at != c->now)) {
		make_room(c, wanted);
		all->looked_at = c->now;
	}
	if (all->n < all->max)
		return true;
	if (wanted)
		tell_full(c);
	return false;
}

static struct neighbour *make(struct control *c, uint16_t iface, const struct ip_addr *addr,
                              bool wanted)
{
	struct neighbour *n, **at;

	if (!has_room(c, wanted))
		return NULL;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->addr = *addr;
	n->iface = iface;
	n->since = n->wanted_at = c->now;
	n->wanted = wanted;
	enter_rank(c->neighbours, n);
	at = bucket(c, iface, addr);
	n->chain = *at;
	*at = n;
	c->neighbours->n++;
	return n;
}

bool neighbour_want(struct control *c, uint16_t iface, const struct ip_addr *addr, bool keep)
{
	struct neighbour *n = find(c, iface, addr);

	if (!n) {
		n = make(c, iface, addr, true);
		if (!n)
			return false;
		ask(c, n);
		wheel_arm(&c->wheel, &n->timer, c->now + ASK_EVERY, expired);
	} else if (n->complete) {
		dp_neighbour_set(c->dp, iface, addr, n->mac);
	} else if (n->asks >= ASKS_MAX) {
		// A gateway that was given up for a while is wanted now.
		n->asks = 0;
		wheel_arm(&c->wheel, &n->timer, c->now, expired);
	}
	n->wanted = true;
	n->wanted_at = c->now;
	n->kept += keep;
	move_rank(c, n);
	return true;
}

// As after a long silence: by broadcast, since another may have the address now.
static void ask_again(struct control *c, struct neighbour *n)
{
	// IPv6 of an interface: when our own addresses may be used.
	tick_t later = n->addr.family == 6 ? IPV6_LATER : 0;

	n->asks = n->complete ? STALE_ASKS_MAX - ASKS_MAX : 0;
	wheel_arm(&c->wheel, &n->timer, c->now + 1 + later, expired);
}

// So many buckets more.
static void sweep_some(struct control *c, uint32_t part)
{
	struct neighbours *all = c->neighbours;
	struct neighbour *n, *next;

	for (; part && all->sweep_left; part--, all->sweep_left--) {
		for (n = all->buckets[all->sweep_at]; n; n = next) {
			next = n->chain;
			if (all->gone[n->iface])
				forget(c, n);
			else if (all->again[n->iface] || (all->again4 && n->addr.family == 4))
				ask_again(c, n);
		}
		all->sweep_at = (all->sweep_at + 1) & (all->n_buckets - 1);
	}
	if (all->sweep_left)
		return;
	all->again4 = false;
	memset(all->again, 0, sizeof(all->again));
	memset(all->gone, 0, sizeof(all->gone));
}

// There may be many: a part of them in each tick, so that neither does a turn take long nor do all
// answer at once.
static void sweep(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;

	sweep_some(c, c->neighbours->n_buckets / SWEEP_TICKS + 1);
	if (c->neighbours->sweep_left)
		wheel_arm(&c->wheel, t, c->now + 1, sweep);
}

// Once around from here, for what was already to be asked too.
static void sweep_start(struct control *c)
{
	struct neighbours *all = c->neighbours;

	all->sweep_left = all->n_buckets;
	wheel_arm(&c->wheel, &all->sweep, c->now + 1, sweep);
}

void neighbour_refresh(struct control *c)
{
	c->neighbours->again4 = true;
	sweep_start(c);
}

void neighbour_link_up(struct control *c, uint16_t iface)
{
	c->neighbours->again[iface] = true;
	sweep_start(c);
}

void neighbour_forget(struct control *c, uint16_t iface)
{
	c->neighbours->gone[iface] = true;
	sweep_start(c);
}

void neighbour_iface_new(struct control *c, uint16_t iface)
{
	if (c->neighbours->gone[iface])
		sweep_some(c, c->neighbours->n_buckets);
}

void neighbour_unkeep(struct control *c, uint16_t iface, const struct ip_addr *addr)
{
	struct neighbour *n = find(c, iface, addr);

	if (!n || !n->kept)
		return;
	n->kept--;
	move_rank(c, n);
}

static void learn(struct control *c, struct neighbour *n, const uint8_t mac[6])
{
	if (!n->complete || memcmp(n->mac, mac, 6)) {
		memcpy(n->mac, mac, 6);
		n->since = c->now;
		dp_neighbour_set(c->dp, n->iface, &n->addr, mac);
	}
	if (!n->complete) {
		n->complete = true;
		move_rank(c, n);
	}
	n->stale = false;
	n->asks = 0;
	n->heard = c->now;
	wheel_arm(&c->wheel, &n->timer, c->now + FRESH_FOR, expired);
}

void neighbour_doubt(struct control *c, uint16_t iface, const struct ip_addr *addr)
{
	struct neighbours *all = c->neighbours;
	struct neighbour *n;

	if (all->doubted_at != c->now) {
		all->doubted_at = c->now;
		all->doubts = 0;
	}
	if (all->doubts == DOUBTS)
		return;
	n = find(c, iface, addr);
	if (!n || !n->complete || n->asks || c->now - n->heard < DOUBT_AFTER)
		return;
	all->doubts++;
	wheel_arm(&c->wheel, &n->timer, c->now, expired);
}

// Word of a neighbour that nobody asked for: used if it is news, and verified in a moment
// (RFC 4861, 7.2.3 and 7.3.3).
static void hear(struct control *c, struct neighbour *n, const uint8_t mac[6])
{
	if (n->complete && memcmp(n->mac, mac, 6) == 0)
		return;
	learn(c, n, mac);
	n->stale = true;
	wheel_arm(&c->wheel, &n->timer, c->now + VERIFY_IN, expired);
}

void neighbour_solicited(struct control *c, uint16_t iface, const struct ip_addr *addr,
                         const uint8_t mac[6])
{
	struct neighbour *n = find(c, iface, addr);

	if (!n)
		n = make(c, iface, addr, false);
	if (n)
		hear(c, n, mac);
}

// RFC 4861, 7.2.5.
void neighbour_advertised(struct control *c, uint16_t iface, const struct nd_message *m)
{
	struct neighbour *n = find(c, iface, &m->target);
	const uint8_t *mac = m->mac;

	if (!n)
		return;
	if (!m->has_mac && !n->complete)
		return;
	if (!m->has_mac)
		mac = n->mac; // an answer to what was sent to that very address
	if (n->complete && !m->override && memcmp(n->mac, mac, 6) != 0) {
		if (n->asks == 0) { // two of them: whom do we reach?
			n->stale = true;
			wheel_arm(&c->wheel, &n->timer, c->now + VERIFY_IN, expired);
		}
		return;
	}
	if (m->solicited && n->asks)
		learn(c, n, mac);
	else
		hear(c, n, mac);
}

struct arp {
	uint16_t operation;
	uint8_t sender_mac[6];
	struct ip_addr sender, target;
};

// Checks every field that has only one right value, then reads the rest.
static bool parse_arp(const struct dp_view *v, struct arp *a)
{
	struct reader r = reader_make(v->data, v->len);
	uint8_t ip[4];
	bool right;

	reader_take(&r, 12);
	right = reader_u16(&r) == 0x0806 && reader_u16(&r) == 1 && reader_u16(&r) == 0x0800 &&
	        reader_u16(&r) == 0x0604;
	a->operation = reader_u16(&r);
	reader_copy(&r, a->sender_mac, 6);
	reader_copy(&r, ip, 4);
	a->sender = addr_from_bytes(4, ip);
	reader_take(&r, 6);
	reader_copy(&r, ip, 4);
	a->target = addr_from_bytes(4, ip);
	return reader_ok(&r) && right && !(a->sender_mac[0] & 1);
}

// RFC 5227, 2.4 (b): we say once more that the address is ours, and not again for a while.
static void defend(struct control *c, uint16_t iface, const struct arp *a)
{
	struct conflict *seen = &c->neighbours->conflicts[iface];
	const uint8_t *mac = a->sender_mac;
	char text[ADDR_TEXT];
	uint8_t own[6];

	dp_iface_mac(c->dp, iface, own);
	if (!memcmp(own, mac, sizeof(own)))
		return; // our own frame, come back
	if (!seen->seen || c->now - seen->told_at >= CONFLICT_LOGS) {
		log_msg(&c->log, LOG_WARNING, "IP", "DUPADDR",
		        "Duplicate address %s on %s, sourced by %02x%02x.%02x%02x.%02x%02x",
		        addr_format(&a->sender, text), c->ports[iface], mac[0], mac[1], mac[2],
		        mac[3], mac[4], mac[5]);
		seen->told_at = c->now;
	}
	if (!seen->seen || c->now - seen->defended_at >= DEFEND_INTERVAL) {
		neighbour_announce(c, iface, &a->sender);
		seen->defended_at = c->now;
	}
	seen->seen = true;
}

void neighbour_frame(struct control *c, const struct dp_view *v)
{
	const struct config_interface *i = interface_of(c, v->iface);
	struct ip_prefix net;
	struct neighbour *n;
	bool near, to_us;
	struct arp a;

	if (v->len > 14 && bytes_get_u16(v->data + 12) == 0x86dd) {
		nd_frame(c, v);
		return;
	}
	if (!i || !parse_arp(v, &a))
		return;
	if (addr_equal(&a.sender, &i->address)) {
		defend(c, v->iface, &a);
		return;
	}
	// Somebody asks whether the address is free (RFC 5227, 2.1.1).
	if (a.operation == ARP_REQUEST && addr_is_zero(&a.sender) &&
	    addr_equal(&a.target, &i->address))
		send_arp(c, v->iface, ARP_REPLY, a.sender_mac, &i->address, a.sender_mac,
		         &a.sender);
	to_us = addr_equal(&a.target, &i->address);
	net = prefix_make(&i->address, i->prefix_len);
	near = prefix_contains(&net, &a.sender);
	n = find(c, v->iface, &a.sender);
	if (a.operation == ARP_REQUEST && to_us && !addr_is_zero(&a.sender)) {
		send_arp(c, v->iface, ARP_REPLY, a.sender_mac, &i->address, a.sender_mac,
		         &a.sender);
		if (!n && near) // it is about to talk to us: no need to ask back
			n = make(c, v->iface, &a.sender, false);
	}
	if (n && (near || (a.operation == ARP_REPLY && to_us && n->wanted && n->asks)))
		learn(c, n, a.sender_mac);
}

void neighbour_announce(struct control *c, uint16_t iface, const struct ip_addr *addr)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, nobody[6];

	if (addr->family == 4)
		send_arp(c, iface, ARP_REQUEST, broadcast, addr, nobody, addr);
}

// What *cursor counts: buckets, and places in a chain, of which a few bits are enough.
#define CURSOR_PLACES 256u

static const struct neighbour *nth(const struct neighbour *chain, uint32_t place)
{
	while (chain && place--)
		chain = chain->chain;
	return chain;
}

bool neighbour_next(const struct control *c, uint32_t *cursor, struct neighbour_view *out)
{
	const struct neighbours *all = c->neighbours;
	const struct neighbour *n = NULL;

	while (*cursor / CURSOR_PLACES < all->n_buckets) {
		n = nth(all->buckets[*cursor / CURSOR_PLACES], *cursor % CURSOR_PLACES);
		*cursor = n ? *cursor + 1 : (*cursor / CURSOR_PLACES + 1) * CURSOR_PLACES;
		if (n && !all->gone[n->iface])
			break;
		n = NULL;
	}
	if (!n)
		return false;
	*out = (struct neighbour_view){.addr = n->addr,
	                               .iface = n->iface,
	                               .complete = n->complete,
	                               .state = !n->complete ? NEIGHBOUR_INCOMPLETE
	                                        : n->asks    ? NEIGHBOUR_PROBE
	                                        : n->stale   ? NEIGHBOUR_STALE
	                                                     : NEIGHBOUR_REACHABLE,
	                               .age = c->now - n->since};
	memcpy(out->mac, n->mac, 6);
	return true;
}
