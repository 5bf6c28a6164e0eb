// An IKE without messages: negotiations succeed or time out as the test says which peers live.
// Stands in for controlplane/ike_sa.c, ike_debug.c and ike1/, so that the life of peers, flows and
// children is tested apart from the wire.
#ifndef VIGIL_TESTS_FAKE_IKE_H
#define VIGIL_TESTS_FAKE_IKE_H

#include "control.h"
#include "ike_sa.h"

struct fake_ike {
	struct ip_addr dead[8]; // peers that do not answer
	unsigned n_dead;
	bool refuses_quick; // quick modes fail at once
	bool has_no_key;    // phase 1 cannot be started
	unsigned initiated, quick_modes, probes, deletes_child, deletes_sa, nat_keepalives;
	tick_t probe_times[256];
	struct ip_addr last_probed;
};

extern struct fake_ike fake_ike;

void fake_ike_reset(void);
void fake_ike_kill(const char *addr);
void fake_ike_revive(const char *addr);
// Ends what is due at this tick: living peers answer at the next tick, dead ones time out after 23
// s.
void fake_ike_run(struct control *c);
// The peer starts: phase 1 and a quick mode for `s` (seen from us). False: it was refused.
bool fake_ike_peer_starts(struct control *c, const char *addr, const struct selector *s);

#endif
