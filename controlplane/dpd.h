// When to ask a peer whether it lives, how often, and when it is over (RFC 3706, 5.5). Pure: facts
// and time in, decisions out; no packets, no timers, no IKE version.
#ifndef VIGIL_DPD_H
#define VIGIL_DPD_H

#include "types.h"

#define DPD_LOSSES_MAX     5 // one message and four retransmissions
#define DPD_UNSENT_WAIT    ticks_from_ms(100)
#define DPD_NO_ROUTE_TRIES 4 // in a window
#define DPD_DEFERRALS_MAX  3 // windows in a row that may be repeated because we might be deaf

// `crypto isakmp keepalive`.
struct dpd_config {
	bool enabled;
	bool periodic;
	uint16_t retry; // ticks
	tick_t interval;
};

enum dpd_state {
	DPD_OFF,        // not configured, or the peer is not up
	DPD_CALM,       // periodic: waiting for the next probe; on-demand: waiting for a doubt
	DPD_AGGRESSIVE, // a probe is out; its window is running
};

struct dpd {
	uint8_t state : 4; // enum dpd_state
	uint8_t losses : 4;
	uint8_t deferrals : 4; // in a row
	bool unsent : 1;       // the newest probe did not leave this machine
	bool no_route : 1;     // ... and not for want of room
	uint16_t input_way;    // whose losses input_losses_before are
	tick_t give_up;        // with no_route: when the window ends as a loss
	tick_t run_start;      // when the first probe of this run went out
	tick_t window_start;   // when the newest probe went out
	tick_t window_end;     // or, while calm and periodic, when the next probe is due
	tick_t schedule; // periodic: when the newest probe was due; while calm, when the next is
	uint32_t input_losses_before; // dp_punt_losses at window_start, the low half
};

// What the outside knows when a decision is due.
struct dpd_facts {
	tick_t now;
	tick_t heard_until;    // input that arrived before this has been consumed
	tick_t restarted;      // windows that began before this count nothing (paused machine)
	bool have_life;        // last_life is valid
	tick_t last_life;      // newest proof of life, read at the decision
	uint64_t input_losses; // packets lost before we could hear them
	uint16_t input_way;    // ... on this way in; those of two cannot be compared
};

enum dpd_action {
	DPD_WAIT,  // nothing to send
	DPD_PROBE, // send the first probe of a run
	DPD_RETRY, // a loss was counted, send the next
	DPD_AGAIN, // the window is repeated: send another, no loss is counted
	DPD_DEAD,  // the fifth loss
};

struct dpd_decision {
	enum dpd_action action;
	bool arm; // look again at `at`
	tick_t at;
	bool loss;     // a loss was counted
	bool deferred; // the verdict was deferred: we could not have heard
};

// The peer came up. `phase` in ticks (below interval) moves the first periodic probe forward.
struct dpd_decision dpd_start(struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f,
                              tick_t phase);
void dpd_stop(struct dpd *d);
// No route led to the peer for the probe that was just decided on. It is tried again within the
// window, since a link may be back in a moment; if none leads there for the whole of it nobody
// answers, and that is a loss.
struct dpd_decision dpd_no_route(struct dpd *d, const struct dpd_config *c,
                                 const struct dpd_facts *f);
// The probe that was just decided on could not be sent, since too much else was: again soon.
struct dpd_decision dpd_unsent(struct dpd *d, const struct dpd_facts *f);
// Does what dpd_expired(), or dpd_doubt(), is about to decide depend on whether there was life
// after *since? If not, have_life and last_life may be left out.
bool dpd_asks_for_life(const struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f,
                       tick_t *since);
// The armed time has come.
struct dpd_decision dpd_expired(struct dpd *d, const struct dpd_config *c,
                                const struct dpd_facts *f);
// A worker doubts: traffic out, nothing in for the interval (on-demand only).
struct dpd_decision dpd_doubt(struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f);
// Proof of life other than ESP: an acknowledgement in this run, a finished exchange.
struct dpd_decision dpd_alive(struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f);
// A hello of the peer (valid R-U-THERE): life, and it stands for our own in this interval.
struct dpd_decision dpd_hello(struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f);

#endif
