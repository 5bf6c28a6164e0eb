// An IKE without messages: negotiations succeed or time out as the test says which peers live.
// Stands in for controlplane/ike_sa.c, ike_debug.c and ike1/, so that the life of peers, flows and
// children is tested apart from the wire.
#ifndef VIGIL_TESTS_FAKE_IKE_H
#define VIGIL_TESTS_FAKE_IKE_H

#include "control.h"
#include "ike_sa.h"

enum fake_kind {
	FAKE_PHASE1,
	FAKE_QUICK,
	FAKE_PROBE,
};

enum fake_verdict {
	FAKE_ANSWER,
	FAKE_SILENT, // for now; asked again at every tick until the negotiation is given up
	FAKE_REFUSE, // fails at once; a probe stays without an answer
};

struct fake_ike {
	struct ip_addr dead[8]; // peers that do not answer
	unsigned n_dead;
	// A test with its own idea of who answers, when and how; NULL: as above, at the next tick.
	enum fake_verdict (*judge)(struct control *c, const struct ike_sa *sa, enum fake_kind kind);
	tick_t (*delay)(void);                                     // of an answer, at least 1
	int (*start)(struct control *c);                           // what ike1_initiate() says
	void (*established)(struct control *c, struct ike_sa *sa); // before on_ike_established()
	void (*died)(struct control *c, const struct peer *p);     // DPD has given it up
	uint32_t ike_lifetime;                                     // seconds; 0 = a day
	bool refuses_quick;                                        // quick modes fail at once
	bool no_dpd;     // peers do not send the DPD vendor ID
	bool has_no_key; // phase 1 cannot be started
	uint32_t next_spi;
	bool of_another_make; // the peers
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

// The peer begins a phase 1, which ends like one of ours, or a quick mode on an established IKE SA.
// NULL or false: it was refused.
struct ike_sa *fake_ike_phase1_from(struct control *c, const struct ip_addr *local,
                                    const struct ip_addr *remote);
bool fake_ike_quick_from(struct control *c, struct ike_sa *sa, const struct selector *s);
// Whether a quick mode is under way for this child.
bool fake_ike_negotiates(const struct child *ch);

#endif
