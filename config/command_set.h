// The inside of a compiled command set, shared by command_syntax.c, command_match.c and
// command_help.c. Each token of a syntax string is a node; a node knows which may follow it.
#ifndef VIGIL_CONFIG_COMMAND_SET_H
#define VIGIL_CONFIG_COMMAND_SET_H

#include "command.h"

// In the order in which they win when several match a word.
enum node_type {
	NODE_KEYWORD,
	NODE_NUMBER,
	NODE_ADDRESS,
	NODE_ADDRESS6,
	NODE_PREFIX6,
	NODE_MASK,
	NODE_WILDCARD,
	NODE_IFNAME,
	NODE_WORD,
	NODE_LINE,
};

struct positions {
	uint32_t *items; // indices of nodes
	uint32_t n, size;
};

struct command_node {
	enum node_type type;
	char *name; // the keyword, or the argument's name
	size_t name_len;
	const char *also; // a second keyword for the same, or NULL: `default` for `no`
	uint64_t lo, hi;  // of a number, or of a word's length
	const struct command *command;
	bool no;
	bool last; // the command may end here
	struct positions follow;
};

struct command_set {
	struct command_node *nodes;
	uint32_t n_nodes, size;
	struct positions start[MODE_COUNT];
	const struct command_word *words;
	const char *default_help; // NULL = there is no `default`
};

#define WALK_THREADS 4096

// A possible reading of the words so far: a node, and the thread of the word before.
struct walk_thread {
	uint32_t node;
	int32_t parent; // index of a thread, -1 = none
	uint16_t word;
};

struct walk_word {
	uint16_t start, len; // in the line
};

// A walk through the nodes, one word after the other; all possible readings at once.
struct walk {
	const struct command_set *set;
	enum command_mode mode;
	const char *line;
	struct walk_word words[COMMAND_WORDS];
	unsigned n_words;
	uint16_t len;        // of the line up to its last word's end
	bool more;           // there are more words than these; a LINE takes them all
	unsigned done;       // words consumed
	unsigned exact;      // of these the leading ones that are keywords, typed in full
	unsigned begin, end; // the threads of the last word consumed; equal before the first
	struct walk_thread threads[WALK_THREADS];
};

// Splits the line, as far as there is room for its words; false when it is too long.
bool walk_init(struct walk *w, const struct command_set *set, enum command_mode mode,
               const char *line);
// Consumes the next word, or the next two, or the rest.
enum command_status walk_step(struct walk *w);
// Calls `visit` for each node that may come next.
void walk_next(const struct walk *w, void (*visit)(void *arg, const struct command_node *n),
               void *arg);
// The node behind which the line may end, as a thread's index; -1 = it may not end here.
int walk_accepts(const struct walk *w);
// "<10-3600>", "WORD", a keyword
void node_display(const struct command_node *n, char *out, size_t size);
const char *node_help(const struct command_set *set, const struct command_node *n);
// The keyword starts with these bytes, whatever the case.
bool node_keyword_starts(const struct command_node *n, const char *text, size_t len);
// The same of its second keyword.
bool node_also_starts(const struct command_node *n, const char *text, size_t len);

#endif
