/* Selfish mining against plain proof of work: what share of the blocks of the main chain a miner with the share alpha
 * of the hash gets by keeping blocks back.
 *
 * Who decides a race between two branches of the same length is named, since results differ:
 *  - LAB_TIE_GAMMA: the attacker publishes a block that it kept back when an honest block appears, and the part gamma
 * of the honest hash mines on it (Eyal and Sirer 2014). A block that honest miners have seen first cannot be raced
 *    against later.
 *  - LAB_TIE_UNIFORM: honest miners choose between branches of the same length at random, also when they have seen one
 *    before the other; so the attacker may start a race at any time (the countermeasure of Eyal and Sirer, as it is
 *    analysed by Sapirshtein, Sompolinsky and Zohar 2016). gamma is then the probability that an honest block is found
 *    on the attacker's branch, 1/2 for two branches.
 *  - LAB_TIE_EARLIER: as LAB_TIE_GAMMA for branches of one block. Of two longer ones of the same length the attacker's
 *    wins outright. That is what a rule of difficulty brings that reads the time of each parent, such as asert
 * (protocol D2): the branch with the earlier times is a little heavier, and any difference decides (F1). The limit of
 * long half-lives, where the difference is as small as can be.
 *
 * Pure functions, any thread; lab_selfish_optimal uses the heap. */
#ifndef POSW_LAB_SELFISH_H
#define POSW_LAB_SELFISH_H

enum lab_tie { LAB_TIE_GAMMA, LAB_TIE_UNIFORM, LAB_TIE_EARLIER };

enum { LAB_SELFISH_TRUNCATION_MIN = 4, LAB_SELFISH_TRUNCATION_MAX = 200, LAB_SELFISH_TRUNCATION = 80 };

/* The strategy SM1 of Eyal and Sirer, closed form. 0 <= alpha <= 1, 0 <= gamma <= 1; alpha >= 1/2 gives 1. (Under
 * LAB_TIE_UNIFORM SM1 is the same with gamma = 1/2: it races only against a block that has just appeared.) */
double lab_selfish_sm1(double alpha, double gamma);
/* The alpha above which SM1 gets more than alpha: (1 - gamma) / (3 - 2 gamma). */
double lab_selfish_sm1_threshold(double gamma);
/* The same under LAB_TIE_EARLIER, with SM1 played as rules/selfish_sim.h has it: the attacker shows its branch when the
 * next honest block could draw level, so that it keeps a lead of one block, too, once it has two. */
double lab_selfish_sm1_earlier(double alpha, double gamma);
double lab_selfish_sm1_earlier_threshold(double gamma); /* to 1e-9 */

/* The best strategy of all that know the two branches' lengths and who saw what (under LAB_TIE_EARLIER it writes false
 * times: its branch is the heavier one though it was begun later): a Markov decision process with states
 * (a, h, fork) of Sapirshtein, Sompolinsky and Zohar, for the ratio of rewards (Dinkelbach's method), with branches of
 * at most `truncation` blocks, where the attacker must give up or publish: a lower bound that rises with truncation.
 * Near alpha = 1/2, where long branches matter, SM1's closed form may be the better one, and is taken then. alpha >=
 * 1/2 gives 1. NAN: out of memory. Cost: some truncation^3 * 50 additions. */
double lab_selfish_optimal(double alpha, double gamma, enum lab_tie tie, unsigned truncation);
/* The alpha above which the best strategy gets more than alpha, to 1e-6: no more than SM1's, as with the revenue. NAN:
 * out of memory. */
double lab_selfish_optimal_threshold(double gamma, enum lab_tie tie, unsigned truncation);

#endif
