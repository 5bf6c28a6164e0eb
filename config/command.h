// The command language of IOS: one table type for the startup file, the configuration modes, `?`,
// completion and EXEC commands. Knows nothing of what commands do.
//
// A syntax string is a sequence of
//   word                     a keyword; any unique prefix of it is understood
//   name:<LO-HI>             a decimal number in this range
//   name:A.B.C.D             an IPv4 address
//   name:X:X::X              an IPv6 address
//   name:X:X::X/LEN          an IPv6 prefix; the argument's number is its length, and its address
//                            keeps the bits behind it
//   name:MASK                a contiguous IPv4 mask, as in 255.255.255.0
//   name:WILDCARD            any four octets, as in 0.0.0.255
//   name:IFNAME              an interface name in one or two words; the argument is canonical
//   name:WORD                a word of 1-63 bytes; WORD<LO-HI> for other lengths
//   name:LINE                the rest of the line, at least one byte
//   {a|b c}                  one of these; {a|b}+ one or more times
//   [a|b c]                  one of these or none; options may follow each other
// A keyword is an argument under its own name, so no other argument may have that name. When
// several could match a word, a keyword wins, then the order of the list above.
#ifndef VIGIL_CONFIG_COMMAND_H
#define VIGIL_CONFIG_COMMAND_H

#include "text.h"
#include "types.h"

#define COMMAND_LINE  2048 // longest line with its NUL
#define COMMAND_WORDS 64   // most words of a line; all that a LINE takes are one
#define COMMAND_ERROR 256  // bytes of an error text with its NUL

enum command_mode {
	MODE_EXEC_USER,     // Router>
	MODE_EXEC,          // Router#
	MODE_CONFIG,        // Router(config)#
	MODE_INTERFACE,     // (config-if)
	MODE_ISAKMP_POLICY, // (config-isakmp)
	MODE_TRANSFORM_SET, // (cfg-crypto-trans)
	MODE_CRYPTO_MAP,    // (config-crypto-map)
	MODE_ACL,           // (config-ext-nacl)
	MODE_IPV6_ACL,      // (config-ipv6-acl)
	MODE_EZVPN,         // (config-crypto-ezvpn)
	MODE_PLATFORM,      // (config-platform)
	MODE_LINE,          // (config-line)
	MODE_IGNORED,       // (config-ignored), below a line that opens a block and does nothing
	MODE_COUNT,
};

// What follows the hostname in the prompt: ">", "#", "(config)#", ...
const char *command_mode_prompt(enum command_mode mode);

struct command_arg {
	const char *name;
	const char *text;    // the word, canonical for IFNAME, the full keyword for a keyword
	uint64_t number;     // <LO-HI>; MASK, X:X::X/LEN: the prefix length
	struct ip_addr addr; // A.B.C.D, X:X::X, X:X::X/LEN, MASK, WILDCARD
	uint32_t column;     // from 1
};

struct command_call {
	const struct command *command;
	bool no;         // typed with `no` or `default` in front
	bool is_default; // ... with `default`
	void *user;      // from command_run()
	const struct command_arg *args;
	unsigned n_args;
	uint32_t error_column; // set by command_fail(); 0 = the whole line
	char error[COMMAND_ERROR];
};

struct command_word {
	const char *word; // a keyword or an argument's name
	const char *help;
};

struct command {
	enum command_mode mode;
	const char *syntax;
	// The short form of the `no` command without its "no", or NULL. `no` in front of the whole
	// syntax is understood too when this is not NULL. "" = only the whole syntax. `default` is
	// read as `no`: where the two differ the handler has to look.
	const char *no;
	// 0, or -errno after command_fail(). Must check everything before it changes anything.
	int (*run)(struct command_call *call);
	// Help for words of this command, ended by {NULL}; may be NULL. Words that are not found
	// here are looked up in the set's own list.
	const struct command_word *words;
};

// A compiled set of tables; immutable after the last command_set_add(), so any thread may match.
struct command_set;

struct command_set *command_set_create(void);
// Compiles a table, which must live as long as the set. 0, -ENOMEM, or -EINVAL for a syntax string
// that does not parse (written to stderr: a programming error).
int command_set_add(struct command_set *set, const struct command *table, unsigned n);
// What is added from now on may have `default` in front where it may have `no`. Its help.
void command_set_default(struct command_set *set, const char *help);
// Help for words that many commands share, ended by {NULL}; must live as long as the set.
void command_set_words(struct command_set *set, const struct command_word *words);
void command_set_free(struct command_set *set);

enum command_status {
	COMMAND_OK,
	COMMAND_EMPTY,      // nothing on the line
	COMMAND_AMBIGUOUS,  // % Ambiguous command:  "xx"
	COMMAND_INCOMPLETE, // % Incomplete command.
	COMMAND_INVALID,    // % Invalid input detected at '^' marker.
	COMMAND_TOO_LONG,
};

// The result of a match. Big (about 12 KB): one for a session, not one a line on a small stack.
struct command_match {
	enum command_status status;
	const struct command *command;
	bool no, is_default;
	uint32_t column;  // where it failed, from 1; when incomplete: behind the last word
	unsigned matched; // words understood before that; a measure of how far it got
	unsigned exact;   // of these the leading ones that are keywords, typed in full
	char expected[COMMAND_ERROR]; // "<10-3600>", "periodic, on-demand, end of line"; of an
	                              // ambiguous word what it may mean
	struct command_arg args[COMMAND_WORDS];
	unsigned n_args;
	char text[2 * COMMAND_LINE]; // what args point into
};

// Matches a line; m->status says how it went.
void command_parse(const struct command_set *set, enum command_mode mode, const char *line,
                   struct command_match *m);
// Runs what was matched (m->status COMMAND_OK). `call` is filled in and holds the error text.
int command_run(const struct command_match *m, void *user, struct command_call *call);
// What IOS prints for a failed match, with newlines; for INVALID the caret line comes first,
// indented by `indent` (the prompt's length) so that it stands below the typed line.
void command_error(const struct command_match *m, const char *line, unsigned indent,
                   struct text *out);

// The keywords that may complete the last, possibly empty, word of `line`. Returns their number.
unsigned command_complete(const struct command_set *set, enum command_mode mode, const char *line,
                          void (*cb)(void *arg, const char *word), void *arg);
// What `?` prints at the end of `line` (which is without the `?`): after a space or nothing, what
// may follow, with help; directly behind a word, the keywords that start so. Returns their number.
unsigned command_help(const struct command_set *set, enum command_mode mode, const char *line,
                      struct text *out);

// For handlers: an argument by name (the index-th with this name), or NULL.
const struct command_arg *command_arg(const struct command_call *call, const char *name);
const struct command_arg *command_arg_at(const struct command_call *call, const char *name,
                                         unsigned index);
bool command_has(const struct command_call *call, const char *name);
// A number by name, or `otherwise`.
uint64_t command_number(const struct command_call *call, const char *name, uint64_t otherwise);
// A word by name, or "".
const char *command_text(const struct command_call *call, const char *name);
// Records an error at an argument (NULL = the whole line) and returns -EINVAL.
int command_fail(struct command_call *call, const struct command_arg *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
