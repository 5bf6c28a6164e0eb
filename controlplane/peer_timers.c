// The timers of a peer: DPD and NAT keepalives, and what workers report of peers. Those of its IKE
// SAs are in phase_1.c, those of its children in child_timers.c. Control core only. Nobody else
// arms them: the rest of the program reports facts with on_*(), and what follows from a fact stands
// in one of these.
//
//   peer.probe          DPD. Periodic and calm: the next probe is due. While a probe is out: its
//                       window ends. On-demand and calm: not armed, such a peer costs nothing.
//                       Each: at once, while many children are asked for life, some a turn.
//   peer.nat.keepalive  one 0xFF byte, if this side is behind a NAT and the command is configured.
//                       Else: its children follow it to where it is, which has changed too soon.
//                       Made when it is needed: most peers are behind no NAT.
#include "peer_timers.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "addr.h"
#include "child.h"
#include "control.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "neighbour.h"
#include "peer.h"
#include "phase_1.h"
#include "renewal.h"
#include "teardown.h"

#define MOVES_APART ticks_from_ms(100)
#define PATHS_MASK  0x3ffu // of peer.paths

// ---- dead peer detection

static unsigned paths_now(const struct control *c)
{
	return c->paths & PATHS_MASK;
}

// An authentic message of the peer, no copy, is being handled: where did it come in?
static void note_way_in(const struct control *c, struct peer *p)
{
	unsigned port = c->input_by - 1u, paths = paths_now(c), by;

	if (!c->input_by)
		return;
	if (c->vlans[port].vlan)
		port = c->vlans[port].port;
	by = port < DP_PORTS_MAX ? port + 1 : PEER_HEARD_BY_SEVERAL;
	if (p->heard_by && p->paths == paths && p->heard_by != by)
		by = PEER_HEARD_BY_SEVERAL;
	p->heard_by = by & PEER_HEARD_BY_SEVERAL;
	p->paths = paths & PATHS_MASK;
}

// By which port its next message will come in. Sure is only who has come in by no other one since
// a path may have changed here: of others all ports count.
static uint16_t way_in(const struct control *c, const struct peer *p)
{
	bool sure = p->heard_by && p->heard_by != PEER_HEARD_BY_SEVERAL && p->paths == paths_now(c);

	return sure ? (uint16_t)(p->heard_by - 1) : DP_ALL_IFACES;
}

// Of life what the peer has said: if that was just now no SA need be asked for anything newer.
static struct dpd_facts facts_of(const struct control *c, const struct peer *p)
{
	struct dpd_facts f = {
		.now = c->now,
		.restarted = c->restarted,
		.input_way = way_in(c, p),
	};

	// First: what is read then is not older.
	f.heard_until = tick_min(c->heard_until, dp_punt_losses_until(c->dp));
	f.input_losses = dp_punt_losses(c->dp, f.input_way);
	f.last_life = p->heard;
	f.have_life = p->have_heard;
	return f;
}

static void expired_probe(void *ctx, struct wheel_timer *t);

// Without an IKE SA a phase 1 is the question, and one of ours: what comes from the peer's address
// has not been authenticated, and may be a stranger's. 0: the peer has been asked, or cannot be,
// since the configuration has no key for it any more.
static int ask_by_phase_1(struct control *c, struct peer *p)
{
	bool stays = p->children != NULL;
	int err;

	if (peer_is_asked(p))
		return 0;
	if (peer_waits_here(p))
		return -EAGAIN;
	err = phase_1_begin(c, p);
	if (!stays || err == -ENOENT)
		return 0;
	return peer_is_asked(p) ? 0 : -EAGAIN; // its first message may not have left
}

static bool has_route(const struct control *c, const struct peer *p)
{
	struct ip_addr next_hop, source;
	uint16_t iface;

	return dp_route_find(c->dp, &p->remote, &iface, &next_hop, &source) == 0;
}

// A probe on the newest IKE SA; without one phase 1 is started, and if it completes that is life.
// It did not leave: -EAGAIN for our own trouble, -EHOSTUNREACH without a route.
static int send_probe(struct control *c, struct peer *p, enum dpd_action action)
{
	struct ike_sa *sa = peer_ike_sa(p);
	int err;

	if (!sa)
		return ask_by_phase_1(c, p);
	if (action == DPD_PROBE || !sa->dpd_outstanding) { // or the run goes on on another SA
		sa->dpd_run_first = sa->dpd_next;
		sa->dpd_outstanding = 0;
	}
	// What would be refused again is not encrypted again.
	if (dp_way_is_full(c->dp, &p->remote)) {
		c->counters.ike_unsent++;
		return -EAGAIN;
	}
	if (p->dpd.no_route && !has_route(c, p))
		return -EHOSTUNREACH;
	err = ike1_probe(c, sa,
	                 action == DPD_PROBE ? "IKE_TIMER_IM_ALIVE" : "IKE_TIMER_PEERS_ALIVE");
	c->counters.probes_sent += err >= 0;
	if (err >= 0 || err == -EMSGSIZE)
		return 0;
	return err == -EHOSTUNREACH ? err : -EAGAIN;
}

// The workers may raise their next doubt.
static void answer_doubts(struct control *c, struct peer *p, const struct dpd_facts *f)
{
	const struct child *ch;

	if (f->have_life)
		dp_peer_heard(c->dp, p->slab.index, f->last_life);
	if (!p->doubted)
		return;
	p->doubted = false;
	for (ch = p->children; ch; ch = ch->next)
		if (ch->flow)
			dp_tunnel_doubt_ack(c->dp, ch->flow->tunnel);
}

void on_no_answer(struct control *c, const struct peer *p)
{
	struct ip_addr next_hop, source;
	uint16_t iface;

	if (dp_route_find(c->dp, &p->remote, &iface, &next_hop, &source) == 0)
		neighbour_doubt(c, iface, &next_hop);
}

// Does what dpd.c decided. The peer may be gone afterwards.
static void carry_out(struct control *c, struct peer *p, struct dpd_decision d,
                      const struct dpd_facts *f)
{
	p->seeking = false;
	if (d.loss) {
		c->counters.losses++;
		ike_debug_loss(c, p);
		on_no_answer(c, p);
	}
	c->counters.verdicts_deferred += d.deferred;
	if (d.action == DPD_DEAD) {
		teardown_by_dpd(c, p);
		return;
	}
	if (d.arm)
		wheel_arm(&c->wheel, &p->probe, d.at, expired_probe);
	else
		wheel_cancel(&c->wheel, &p->probe);
	if (d.action != DPD_WAIT) {
		int err = send_probe(c, p, d.action);

		if (err && p->dpd.state != DPD_OFF)
			wheel_arm(&c->wheel, &p->probe,
			          err == -EAGAIN ? dpd_unsent(&p->dpd, f).at
			                         : dpd_no_route(&p->dpd, &p->dpd_config, f).at,
			          expired_probe);
	} else if (p->dpd.state != DPD_AGGRESSIVE && !p->dpd_config.periodic) {
		answer_doubts(c, p, f);
	}
}

typedef struct dpd_decision decide_fn(struct dpd *, const struct dpd_config *,
                                      const struct dpd_facts *);

// Now, or in a turn that comes at once, if more children are to be asked for life than in this one.
// What is decided is true of the moment when the first was asked. The other facts are read again
// with the last ones: what is lost meanwhile defers a verdict, but what is heard must not hasten
// it.
static void decide_by_life(struct control *c, struct peer *p, decide_fn *decide)
{
	struct dpd_facts f = facts_of(c, p);
	tick_t since;

	if (!p->seeking)
		p->seek_deaf = tick_before(f.heard_until, p->dpd.window_start);
	else if (p->seek_deaf)
		f.heard_until = tick_min(f.heard_until, p->dpd.window_start - 1);
	if (dpd_asks_for_life(&p->dpd, &p->dpd_config, &f, &since) &&
	    !peer_seek_life(c, p, since, &f.have_life, &f.last_life)) {
		wheel_arm(&c->wheel, &p->probe, c->now, expired_probe);
		return;
	}
	carry_out(c, p, decide(&p->dpd, &p->dpd_config, &f), &f);
}

// On-demand and calm it is armed for a doubt that is being looked into.
static void expired_probe(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct peer *p = container_of(t, struct peer, probe);
	bool doubt = p->dpd.state == DPD_CALM && !p->dpd_config.periodic;

	decide_by_life(c, p, doubt ? dpd_doubt : dpd_expired);
}

void peer_timers_peek(void *ctx, const struct wheel_timer *t, unsigned ahead)
{
	const struct control *c = ctx;
	const struct peer *p;
	const char *sa;

	if (wheel_fire_of(&c->wheel, t) != expired_probe)
		return;
	p = container_of(t, const struct peer, probe);
	sa = (const char *)p->ike_sas;
	if (ahead > 1) {
		__builtin_prefetch(&p->dpd);
		__builtin_prefetch(&p->remote);
		for (size_t i = 0; sa && i < offsetof(struct ike_sa, older); i += 64)
			__builtin_prefetch(sa + i);
		if (p->children) {
			__builtin_prefetch(p->children);
			__builtin_prefetch(&p->children->in); // seldom in the same line
		}
	} else if (p->children) {
		dp_sa_peek(c->dp, p->children->in);
	}
}

// Proof of life other than ESP; `decide` is what it means for DPD.
static void alive_by(struct control *c, struct peer *p, decide_fn *decide)
{
	struct dpd_facts f;

	peer_note_life(p, c->now);
	note_way_in(c, p);
	if (!p->dpd_config.periodic) // workers doubt nobody who is asked anyway
		dp_peer_heard(c->dp, p->slab.index, c->now);
	if (p->dpd.state == DPD_OFF)
		return;
	f = facts_of(c, p);
	carry_out(c, p, decide(&p->dpd, &p->dpd_config, &f), &f);
}

void on_peer_alive(struct control *c, struct peer *p)
{
	alive_by(c, p, dpd_alive);
}

void on_dpd_ack(struct control *c, struct ike_sa *sa)
{
	c->counters.acks_received++;
	on_peer_alive(c, sa->peer);
}

void on_dpd_hello(struct control *c, struct ike_sa *sa)
{
	c->counters.hellos_received++;
	alive_by(c, sa->peer, dpd_hello);
}

void on_doubt(struct control *c, struct peer *p)
{
	if (p->state == PEER_ENDING)
		return; // its flows go on in a moment
	p->doubted = true;
	// It is being asked, or its children are: all doubts are answered when that is over.
	if (p->dpd.state != DPD_AGGRESSIVE && !p->seeking)
		decide_by_life(c, p, dpd_doubt);
}

static struct dpd_config dpd_config_of(const struct control *c)
{
	const struct config_keepalive *k = &c->config->isakmp.keepalive;

	return (struct dpd_config){
		.enabled = k->seconds != 0,
		.periodic = k->periodic,
		.interval = ticks_from_seconds(k->seconds),
		.retry = (uint16_t)ticks_from_seconds(k->retry), // a minute at most
	};
}

void on_dpd_configured(struct control *c, struct peer *p)
{
	struct dpd_config now = dpd_config_of(c), *was = &p->dpd_config;
	struct dpd_facts f;

	now.enabled = now.enabled && p->dpd_capable;
	if (p->dpd.state != DPD_OFF && was->enabled == now.enabled &&
	    was->periodic == now.periodic && was->interval == now.interval &&
	    was->retry == now.retry)
		return;
	*was = now;
	dpd_stop(&p->dpd);
	dp_peer_watch(c->dp, p->slab.index, now.enabled && !now.periodic ? now.interval : 0);
	f = facts_of(c, p);
	p->doubted = true;
	answer_doubts(c, p, &f); // those raised under another configuration too
	// The phase of a periodic schedule is free: spread it a little.
	carry_out(c, p, dpd_start(&p->dpd, &p->dpd_config, &f, renewal_jitter(now.interval / 20)),
	          &f);
}

// ---- NAT keepalive

// NULL: there is no memory for it.
static struct peer_nat *nat_of(struct peer *p)
{
	if (!p->nat) {
		p->nat = calloc(1, sizeof(*p->nat));
		if (p->nat)
			p->nat->peer = p;
	}
	return p->nat;
}

static void move_children(struct control *c, struct peer *p)
{
	struct child *ch;

	if (p->nat) {
		p->nat->move_owed = false;
		p->nat->moved = c->now;
	}
	for (ch = p->children; ch; ch = ch->next) {
		if (handle_is_null(ch->out) || ch->encap != SA_ENCAP_UDP)
			continue;
		dp_sa_move(c->dp, ch->out, &p->remote, p->remote_port);
		dp_sa_forget_place(c->dp, ch->in);
	}
}

static void expired_nat_keepalive(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;
	struct peer_nat *nat = container_of(t, struct peer_nat, keepalive);
	struct peer *p = nat->peer;

	if (nat->move_owed)
		move_children(c, p);
	if (p->nat_local)
		ike1_nat_keepalive(c, p);
	on_nat_changed(c, p);
}

// A message for each child: a peer whose messages come from two places in turn must not make more
// of them than the workers take. (Without memory to know when that was last they follow at once.)
void on_place_changed(struct control *c, struct peer *p)
{
	struct peer_nat *nat = nat_of(p);

	if (!nat || c->now - nat->moved >= MOVES_APART) {
		move_children(c, p);
	} else if (!nat->move_owed) { // if we are behind a NAT ourselves, with a keepalive
		nat->move_owed = true;
		wheel_arm(&c->wheel, &nat->keepalive, nat->moved + MOVES_APART,
		          expired_nat_keepalive);
	}
}

// Without memory for its timer it has no keepalives until its next phase 1.
void on_nat_changed(struct control *c, struct peer *p)
{
	tick_t next = c->now + ticks_from_seconds(c->config->isakmp.nat_keepalive);
	struct peer_nat *nat = p->nat;

	// Owed: then the timer is for that, and comes here again.
	if (!p->nat_local || (nat && nat->move_owed))
		return;
	if (!c->config->isakmp.nat_keepalive || p->state != PEER_UP) {
		if (nat)
			wheel_cancel(&c->wheel, &nat->keepalive);
		return;
	}
	nat = nat_of(p);
	if (nat && (!wheel_is_armed(&nat->keepalive) || tick_before(next, nat->keepalive.expires)))
		wheel_arm(&c->wheel, &nat->keepalive, next, expired_nat_keepalive);
}

static void nat_end(struct control *c, struct peer *p)
{
	if (!p->nat)
		return;
	wheel_cancel(&c->wheel, &p->nat->keepalive);
	free(p->nat);
	p->nat = NULL;
}

// ---- what the workers see

// Is the place one that a peer of this kind may go to, and nobody else's?
static bool may_go_to(const struct control *c, const struct peer *p, const struct ip_addr *addr,
                      uint16_t port)
{
	return port != IKE_PORT && !peer_find(c, &p->local, addr, port) &&
	       peer_may_be_at(c, p, addr);
}

// To another address. False: not there; what is told too soon after the last time is told again.
static bool go_to(struct control *c, struct peer *p, const struct ip_addr *addr, uint16_t port)
{
	if (p->nat && c->now - p->nat->moved < MOVES_APART) {
		on_place_changed(c, p);
		return false;
	}
	if (!may_go_to(c, p, addr, port) || peer_set_address(c, p, addr, port) < 0)
		return false;
	p->heard_by = 0; // by which port of ours it will be heard from there nobody knows
	return true;
}

bool on_peer_moved(struct control *c, struct peer *p, const struct ip_addr *addr, uint16_t port)
{
	bool elsewhere = !addr_equal(&p->remote, addr);
	char from[ADDR_TEXT], to[ADDR_TEXT];
	uint16_t from_port = p->remote_port;
	struct ike_sa *sa;

	if (!p->nat_remote || p->state == PEER_ENDING)
		return false;
	if (!elsewhere && port == from_port)
		return true;
	addr_format(&p->remote, from);
	addr_format(addr, to);
	if (elsewhere && !go_to(c, p, addr, port)) {
		log_isakmp(&c->log, "ISAKMP: peer %s:%u, now at %s:%u, is not followed", from,
		           from_port, to, port);
		return false;
	}
	log_isakmp(&c->log, "ISAKMP: peer %s:%u is now %s:%u", from, from_port, to, port);
	peer_set_port(c, p, port);
	for (sa = p->ike_sas; sa; sa = sa->next)
		if (ike_sa_is_established(sa) && sa->nat_remote) // a phase 1 has its own port still
			sa->remote_port = port;
	on_place_changed(c, p);
	return true;
}

// The peer encrypts to an SPI of ours that we do not have: it did not hear that its SA has ended,
// and as its IKE SA lives nothing else would tell it.
static void disown_spi(struct control *c, struct peer *p, uint32_t spi)
{
	struct ike_sa *sa = peer_ike_sa(p);

	if (sa && p->state != PEER_ENDING && !dp_spi_is_known(c->dp, spi))
		ike1_delete_spi(c, sa, spi);
}

void on_invalid_spi(struct control *c, const struct ip_addr *local, const struct ip_addr *remote,
                    uint16_t port, uint32_t spi)
{
	struct peer *p = NULL;
	bool known = false;
	char dst[ADDR_TEXT], src[ADDR_TEXT];

	log_msg(&c->log, LOG_WARNING, "CRYPTO", "RECVD_PKT_INV_SPI",
	        "decaps: rec'd IPSEC packet has invalid spi for destaddr=%s, prot=50, "
	        "spi=0x%X(%u), srcaddr=%s",
	        addr_format(local, dst), spi, spi, addr_format(remote, src));
	while (port && (p = peer_next_at(c, local, remote, port, p))) {
		disown_spi(c, p, spi);
		known = true;
	}
	if (known || (port && port != IKE_PORT_NAT))
		return; // whoever is behind a NAT begins anew itself
	p = peer_find(c, local, remote, IKE_PORT);
	if (p) {
		disown_spi(c, p, spi);
		return;
	}
	if (c->stopping || !c->config->isakmp.invalid_spi_recovery ||
	    !flow_peer_is_named(c, local, remote))
		return;
	p = peer_get(c, local, remote, IKE_PORT);
	if (p)
		on_tunnel_wanted(c, p);
}

// ---- end

void peer_timers_stop(struct control *c, struct peer *p)
{
	nat_end(c, p);
	wheel_cancel(&c->wheel, &p->probe);
	wheel_cancel(&c->wheel, &p->retry);
	dpd_stop(&p->dpd);
}
