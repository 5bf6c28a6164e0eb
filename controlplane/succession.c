// See succession.h. Neither side may delete what the other uses, so both decide by what both know:
//
//   who began the two        what both know                              the one to use
//   the same side            -                                           the newer
//   each side one            neither was up when the other's keys were   the one whose initiator's
//                            exchanged: they began at the same moment    cookie is lower
//   each side one            one was up, but no more than `stays`        that one
//                            before the other's keys were exchanged
//   each side one            one was up for longer                       the newer
//
// The third case: a first message was lost, or the peer (strongSwan does so) renews what we have
// renewed a moment ago; its children went along to ours, and would end with it. When keys are
// exchanged is message 3's moment, which the two sides see at the same distance from the other IKE
// SA's end.
#include "succession.h"

#include <string.h>

#include "ike_sa.h"
#include "peer.h"

static bool gives_way(const struct ike_sa *sa, const struct ike_sa *other, tick_t stays)
{
	tick_t exchanged = sa->created + sa->exchanged_after;

	if (other->initiator == sa->initiator)
		return false;
	if (!tick_before(other->established, exchanged))
		return memcmp(other->cookie_i, sa->cookie_i, sizeof(sa->cookie_i)) < 0;
	return tick_diff(exchanged, other->established) <= (int32_t)stays;
}

struct ike_sa *succession_current(struct ike_sa *newest, tick_t stays)
{
	struct ike_sa *sa, *current = newest;

	for (sa = newest->peer->ike_sas; sa; sa = sa->next)
		if (sa != newest && ike_sa_is_established(sa) && !sa->replaced &&
		    gives_way(newest, sa, stays))
			current = sa;
	return current;
}
