// What must hold at any moment of test_random_life.c, and what it knows of the hosts.
#ifndef VIGIL_TESTS_RANDOM_CHECK_H
#define VIGIL_TESTS_RANDOM_CHECK_H

#include "control.h"
#include "fake_dp.h"
#include "ike_sa.h"

#define HOSTS 8

struct child;
struct peer;

struct host {
	struct ip_addr addr;
	bool alive, talks;
	uint32_t epoch;     // restarts so far
	tick_t alive_since; // answers everything since then
	tick_t fault;       // when it last refused something
};

// Traffic that hosts send through one tunnel.
struct stream {
	bool on;
	uint32_t generation; // of the tunnel
	tick_t since;        // without a gap
	tick_t sent;
};

struct check {
	unsigned seed;
	struct host hosts[HOSTS];
	struct stream streams[FAKE_TUNNELS];
	uint32_t child_epochs[FAKE_SAS]; // by index; with the child's generation
	uint32_t child_generations[FAKE_SAS];
	tick_t disturbed; // input was last lost then, or the machine stood still
	tick_t fault;     // a phase 1 could last not be started then
};

void check_init(struct check *k, unsigned seed);
struct host *check_host(struct check *k, const struct ip_addr *addr);
// An IKE SA remembers which life of the host it belongs to.
void check_sa_epoch(struct ike_sa *sa, const struct host *h);
bool check_sa_stale(const struct ike_sa *sa, const struct host *h);
// The life of the host in which a child was made.
uint32_t check_child_epoch(struct check *k, const struct child *ch, const struct host *h);

void check_toggle_stream(struct check *k, unsigned tunnel);
void check_all_talk(struct check *k);
// Each stream sends a packet.
void check_streams(struct check *k, struct control *c);

// DPD gives this peer up: it must not be one that answered everything.
void check_death(struct check *k, struct control *c, const struct peer *p);
// Everything fits together, and every dead peer was found in time.
void check_all(struct check *k, struct control *c);
// Every access list line of a complete entry has a tunnel.
void check_all_up(struct check *k, struct control *c);
// After all peers have gone: no narrower flows, no SAs.
void check_only_lines(struct check *k, struct control *c);
// After apply_stop().
void check_nothing_left(struct check *k, struct control *c);

// The test's: tells the seed and the last log lines.
void check_story(void);

#endif
