// Bounds of the control plane: what one turn may do, and what strangers may make us keep.
#ifndef VIGIL_BOUNDS_H
#define VIGIL_BOUNDS_H

// One turn of the loop: so many of each, and in microseconds; what is under way is finished, and
// some of each goes on in every turn. What is left waits for the next turn, which comes at once.
#define TURN_EVENTS          512
#define TURN_IKE_ESTABLISHED 512
#define TURN_IKE_NEW         16
#define TURN_FRAMES          64
#define TURN_DRAIN           16 // peers that are ended when the program stops
#define ENDS_AT_A_TIME       32 // children and waiting flows of a peer that ends
#define TURN_TIMERS          1024
#define LIFE_AT_A_TIME       256 // children of a peer that are asked for life, some us
#define TURN_CHUNK           4   // between two looks at the clock
#define TURN_CHUNK_NEW       2   // ... of first messages
#define TURN_US              30  // of each
#define TURN_PAUSE_MS        500 // a turn that starts later than this restarts all DPD windows

// IKE SAs that are being negotiated: those that we began, and, counted apart, those that others
// began. Of ours, new ones above this are put off.
#define HALF_OPEN_MAX 1024
// ... that others began from one address, whatever the port. Above either bound a new one takes the
// place of the oldest whose cookie never came back, or else of the oldest of an unknown peer whose
// message 5 is some seconds late. A NAT may have many behind it that all begin at once, and their
// third messages must have the time to come.
#define HALF_OPEN_PER_ADDRESS 128
// ... that a peer which has an IKE SA or children has begun: below, the address's bound is not its.
#define HALF_OPEN_OF_KNOWN 2
// ... in the name of peers that are here, for which nothing has come back: beside the others as
// many as those, or this part of all peers, as all may start anew at once. Above it the oldest
// makes room. Each takes some 3.5 KB, and anybody can forge them.
#define CLAIMS_PART 16u
// Seconds from when an IKE SA came up, or its renewal had a turn before others, until a renewal has
// one again: peers must not keep out who has none by renewing without end.
#define RENEWAL_TURNS_APART 30
// Where phase 1 is admitted at a rate: seconds for which a turn is waited for at most, behind those
// that came before, as peers repeat message 3 and give up after 20 s and more. Of those that may
// wait at a time, one address has a quarter at most.
#define ADMIT_WITHIN 5u
#define ADMIT_SHARE  4u
// Shapes (prefix lengths, a protocol or not, ports or not) of the flows that peers have proposed on
// an interface, but for those of the entry's own lines: each costs every look-up of a worker a
// probe.
#define PROPOSED_SHAPES_MAX 256
// ... of these so many are there because of one peer, where an entry takes any: a list from /24 to
// /16 allows hundreds, and who came later with a new one would get none. Sites have a few.
#define PROPOSED_SHAPES_PER_PEER 16
// Quick modes that a peer may have open on one IKE SA.
#define QUICK_MODES_PER_SA 64
// Established IKE SAs of a peer, those that have been replaced among them: when another comes, the
// oldest one that was replaced ends at once.
#define IKE_SAS_PER_PEER 8
// Quick modes of ours with a peer that are under way at a time. A peer may have thousands of flows
// that all want one at the same moment: when it comes up, or takes over from another.
#define QUICK_MODES_OURS 32
// ... with a peer of another make. strongSwan remembers three exchanges of an IKE SA
// (charon.max_ikev1_exchanges), what itself has begun among them, and cannot read message 3 of an
// older one, of which it tells nobody. Those whose message 1 has no answer in time do not count.
#define QUICK_MODES_OTHERS 1
// Quick modes of a peer whose Diffie-Hellman (PFS) may be under way, on all its IKE SAs. It costs
// the peer nothing, who may choose the group and send any value. No fewer than a gateway like
// this one begins at a time, so that no honest message has to be repeated.
#define QUICK_MODES_IN_DH QUICK_MODES_OURS
// Jobs that the Diffie-Hellman helpers may have before more phase 1s are admitted, some tens of ms;
// the rest of their queue is for our own exchanges, which must not wait for a line. Quick modes of
// peers take half of these at most: peers that are up must not keep out those that are not.
#define ADMIT_AHEAD       1024u
#define ADMIT_AHEAD_QUICK (ADMIT_AHEAD / 2)
// Pairs of SAs for peers that no entry names, so whoever has a key and may propose what he likes.
// This part of all is left to peers that are named, if there are any. And when half of all are
// taken such a peer gets one only if it has less than this part, or than so many: a site with
// thousands of tunnels may have them while there is room, and others come up all the same.
#define ANY_PEER_PART  8u
#define ANY_PEER_PAIRS 64u
// Log lines that a peer causes, within so many seconds; see peer_log.h. Who comes up, fails and
// comes up again has fewer.
#define PEER_LOG_LINES  8u
#define PEER_LOG_WITHIN 10u
// Children of a flow, those that have been replaced and still receive among them, not those that
// are being negotiated. When another comes the oldest one that was replaced ends at once.
#define CHILDREN_PER_FLOW 4
// Children of a peer that is followed to another address: each is asked whether it may be there,
// for each message that comes from elsewhere.
#define FOLLOWED_CHILDREN_MAX 256u
// Children of a peer that have one and the same SPI of its, and can be found by it.
#define SAME_SPI_MAX 4u
// Peers made by strangers' first messages are bounded by the peer table itself (`max-peers`); so
// many places, or a quarter of those that others leave, they do not take.
#define PEERS_LEFT 64
// Peers that no entry names, though they are no strangers any more, leave this part of all places
// to those that one names, or as many as these are: behind one address there may be thousands.
#define PEERS_NAMED_PART 16u

// Neighbours: as many as peers, though not fewer than the first and no more than the dataplane has
// room for, and the second beside them: hosts, gateways, and who only claims to be there.
#define NEIGHBOURS_MIN    3072u
#define NEIGHBOURS_OTHERS 1024u

#endif
