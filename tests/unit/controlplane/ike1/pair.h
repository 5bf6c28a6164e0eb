// Two control planes back to back in one process: real IKE, fake dataplanes, one virtual clock, and
// a network between them that a test can make lose, repeat, delay or change datagrams.
#ifndef VIGIL_TESTS_PAIR_H
#define VIGIL_TESTS_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child.h"
#include "control.h"
#include "fake_dp.h"
#include "ike_sa.h"
#include "log.h"
#include "peer.h"

#define S           TICKS_PER_SECOND
#define ADDR_A      "192.0.2.1"
#define ADDR_B      "192.0.2.11"
#define ADDR6_A     "2001:db8::1"
#define ADDR6_B     "2001:db8::11"
#define PAIR_LINES  4096
#define PAIR_DELAYS 64

struct side {
	struct control c;
	const char *local, *remote;
	bool is_a;
	char (*lines)[LOG_LINE_MAX];
	unsigned n_lines;
};

struct pair {
	struct side a, b;
	unsigned sent; // datagrams that went onto the network so far
	// What becomes of a datagram: how many copies arrive. It may change the datagram.
	unsigned (*network)(struct pair *p, struct fake_datagram *d, bool from_a);
	void *arg;
	unsigned target; // for the network functions below
	struct {
		struct fake_datagram *d;
		bool to_b;
		tick_t when;
	} delayed[PAIR_DELAYS];
};

// What a side is configured with; NULL = the default.
struct pair_config {
	const char *policies; // isakmp policies
	const char *set;      // transforms of the transform set
	const char *entry;    // more lines of the crypto map entry
	const char *rest;     // more global lines
	const char *key;      // the key line
	const char *acl;      // all of the access list that the crypto map names: 101, or SIX
	bool outer6;          // the gateways talk by IPv6; the same on both sides
	bool inner6;          // the networks behind them are IPv6
};

struct pair *pair_create(const struct pair_config *a, const struct pair_config *b);
// Tears both down and checks that nothing is left.
void pair_destroy(struct pair *p);
// Restarts a side as after a power cut: it forgets everything and says nothing.
void pair_restart(struct pair *p, struct side *s, const struct pair_config *config);
// Both sides' work of this moment, until nothing moves any more.
void pair_settle(struct pair *p);
// Time passes.
void pair_pass(struct pair *p, tick_t ticks);
// A host behind a side sends: true if the packet was encrypted (sa: with which).
bool side_packet(struct side *s, struct fake_sa **sa);
// One packet into each of a side's tunnels: how many were encrypted.
unsigned side_packets(struct side *s);
// Traffic from A brings the tunnel up.
void pair_up(struct pair *p);
// Whether the newest outbound SA of one side is an inbound one of the other with the same keys.
bool side_reaches(const struct side *from, const struct side *to);
struct peer *side_peer(const struct side *s);
struct ike_sa *side_sa(const struct side *s);
struct child *side_child(const struct side *s);
unsigned side_logged(const struct side *s, const char *text);
// Whether the lines occur in this order; prints the first that is missing.
bool side_logged_in_order(const struct side *s, const char *const *lines);
void side_forget_log(struct side *s);
// A datagram straight into a side.
void side_receive(struct side *s, const struct fake_datagram *d);
// A's first message, as in another life; a datagram as from A to B, both ports 500.
void pair_first_message(uint8_t *out, size_t *len);
struct fake_datagram pair_from_a(const void *data, size_t len);

// Networks: none arrives; all arrive; all take 30 ms; the `target`th datagram is lost, comes twice,
// comes 200 ms late.
unsigned network_is_cut(struct pair *p, struct fake_datagram *d, bool from_a);
unsigned network_good(struct pair *p, struct fake_datagram *d, bool from_a);
unsigned network_far(struct pair *p, struct fake_datagram *d, bool from_a);
unsigned network_loses_one(struct pair *p, struct fake_datagram *d, bool from_a);
unsigned network_repeats_one(struct pair *p, struct fake_datagram *d, bool from_a);
unsigned network_delays_one(struct pair *p, struct fake_datagram *d, bool from_a);

#endif
