"""Work and its pay or progress: wages with a bonus, overtime, things made in some hours, days that a task takes."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories


def _earnings(random: Random, level: int) -> Draft:
    wage = random.randint(5, {1: 12, 2: 30, 3: 60, 4: 150}[level])
    hours, days = random.randint(2, 9), random.randint(2, {1: 6, 2: 12, 3: 25, 4: 60}[level])
    bonus = random.randint(2, {1: 20, 2: 90, 3: 300, 4: 900}[level])
    work = NamedWork()
    worked = work.called("hours").multiply(hours, days)
    pay = work.called("pay").multiply(worked, wage)
    total = work.called("with bonus").add(pay, bonus)
    return Draft({"wage": wage, "hours": hours, "days": days, "bonus": bonus}, work, str(total), cast(random))


def _overtime_pay(random: Random, level: int) -> Draft:
    wage = random.randint(5, {1: 12, 2: 25, 3: 50, 4: 99}[level])
    extra_wage = wage + random.randint(2, {1: 8, 2: 15, 3: 30, 4: 60}[level])
    normal = random.choice((20, 25, 30, 35, 36, 38, 40, 42)) if level > 1 else random.randint(4, 12)
    hours = normal + random.randint(2, {1: 8, 2: 9, 3: 19, 4: 25}[level])
    work = NamedWork()
    overtime = work.called("overtime").subtract(hours, normal)
    pay = work.called("normal pay").multiply(normal, wage)
    extra = work.called("overtime pay").multiply(overtime, extra_wage)
    total = work.called("total").add(pay, extra)
    values = {"wage": wage, "extra": extra_wage, "normal": normal, "hours": hours}
    return Draft(values, work, str(total), cast(random))


def _work_rate(random: Random, level: int) -> Draft:
    workers = random.randint(2, {1: 6, 2: 9, 3: 15, 4: 40}[level])
    rate = random.randint(2, {1: 9, 2: 20, 3: 60, 4: 150}[level])
    hours = random.randint(2, {1: 6, 2: 9, 3: 12, 4: 24}[level])
    work = NamedWork()
    each_hour = work.called("together").multiply(workers, rate)
    total = work.called("in all").multiply(each_hour, hours)
    return Draft({"workers": workers, "rate": rate, "hours": hours}, work, str(total), cast(random))


def _time_needed(random: Random, level: int) -> Draft:
    workers = random.randint(2, {1: 4, 2: 6, 3: 9, 4: 15}[level])
    rate = random.randint(2, {1: 5, 2: 9, 3: 12, 4: 30}[level])
    hours = random.randint(2, {1: 9, 2: 15, 3: 40, 4: 99}[level])
    total = workers * rate * hours
    work = NamedWork()
    each_hour = work.called("together").multiply(workers, rate)
    needed = work.called("time").exact_quotient(total, each_hour)
    work.say(f"so {needed}")
    return Draft({"workers": workers, "rate": rate, "total": total}, work, str(needed), cast(random))


EARNINGS = Family(
    "earnings",
    _earnings,
    stories("""
        {name} earns ${wage} an hour and works {hours} hours a day for {days} days. {He} also gets a bonus of
          ${bonus}. How many dollars is that in all?
        A {job} works {days} days, {hours} hours each day, for {wage} dollars an hour, and receives {bonus} dollars
          on top. What is the whole pay?
        At {wage} dollars an hour, {name} works {hours} hours on each of {days} days and gets {bonus} dollars in
          tips. How much does {he} make?
        For one hour of work {name} gets {wage} dollars. {He} works {hours} hours a day. How many dollars does {he}
          have after {days} days with a bonus of {bonus} dollars?
        Pay: ${wage} an hour, {hours} hours a day, {days} days, bonus ${bonus}. Total?
        {name} teaches {hours} lessons a day at ${wage} a lesson. What does {he} earn in {days} days if the {place}
          adds ${bonus}?
        How much does {name} earn in {days} days of {hours} hours at ${wage} an hour, plus ${bonus}?
        {name} washes {hours} cars a day for {wage} dollars each. After {days} days {he} also gets a gift of {bonus}
          dollars. How much money is that?
        {name} already has {bonus} dollars. {He} then works {days} days, {hours} hours a day, at {wage} dollars an
          hour. How many dollars does {he} have?
        Every day {name} sells {hours} {things} at ${wage} each. {He} does so for {days} days and wins another
          ${bonus}. How many dollars does {he} get in all?
        A taxi driver drives {hours} hours a day and earns {wage} dollars an hour. How much is it after {days} days,
          with {bonus} dollars of tips?
        The {job} is paid {wage} dollars an hour. {name} hires {him} for {hours} hours on {days} days and adds
          {bonus} dollars. What does {name} pay?
        {hours} hours a day, {days} days, ${wage} per hour, and ${bonus} extra: what is the pay?
        Please find the pay of {name}: {days} days with {hours} hours each at {wage} dollars an hour and a bonus of
          {bonus} dollars.
        {name} walks dogs {hours} times a day and gets ${wage} each time. How many dollars does {he} get in {days}
          days including a tip of ${bonus}?
        I work {hours} hours a day at ${wage} an hour. What do I have after {days} days if I get ${bonus} more at the
          end?
        In {days} days {name} works {hours} hours each day. An hour brings {wage} dollars. {He} is also paid {bonus}
          dollars for the trip. What does {he} receive?
        {name} gives {hours} tours of the {place} a day. A tour brings ${wage}. What is earned in {days} days
          together with ${bonus} from a sponsor?
        A boat is rented out {hours} hours a day for {wage} dollars an hour. How many dollars come in over {days}
          days, if {bonus} dollars are added for cleaning?
        With a wage of {wage} dollars an hour, {hours} hours a day, what are {days} days worth, if {bonus} dollars
          are added?
        {name} picks fruit for {days} days. {He} works {hours} hours a day, is paid ${wage} an hour, and gets
          ${bonus} at the end. How much is {he} paid altogether?
    """),
    stories("""
        On top of ${bonus}, {name} is paid ${wage} for every hour. {He} works {days} days with {hours} hours each.
          What is the sum?
        What will {name} be paid if a day has {hours} hours of work, the job lasts {days} days, an hour pays {wage}
          dollars, and the bonus is {bonus} dollars?
        For {days} days a {job} works {hours} hours a day. Each hour brings in {wage} dollars; at the end there are
          {bonus} dollars more. How many dollars are paid out?
        {name} makes {wage} dollars per hour. Find {his} income from {days} days of {hours} hours each with an extra
          {bonus} dollars.
        A helper comes on {days} days for {hours} hours each. The helper asks for {wage} dollars an hour plus {bonus}
          dollars for the way. What is the cost?
        State the total: bonus ${bonus}, and {days} days of {hours} hours, every hour at ${wage}.
        How many dollars does a band get that plays {hours} songs a night on {days} nights at {wage} dollars a song,
          and {bonus} dollars for travel?
        Each of {days} days {name} spends {hours} hours at work, earning ${wage} in each hour. The boss adds
          ${bonus}. What has {name} earned?
        After {days} working days of {hours} hours, {name} is given {bonus} dollars in addition to {his} {wage}
          dollars an hour. How much did {he} make?
        If an hour is paid with ${wage}, what do {hours} hours on each of {days} days and a prize of ${bonus} bring?
    """),
)

OVERTIME_PAY = Family(
    "overtime_pay",
    _overtime_pay,
    stories("""
        {name} earns ${wage} an hour for the first {normal} hours and ${extra} for each hour after that. {He} works
          {hours} hours. How much does {he} earn?
        A {job} gets {wage} dollars an hour. Hours beyond {normal} are paid with {extra} dollars. What is the pay for
          {hours} hours?
        Up to {normal} hours, {name} is paid {wage} dollars an hour; overtime is paid {extra} dollars an hour. {He}
          worked {hours} hours. What is {his} pay?
        {name} worked {hours} hours. The first {normal} are paid at ${wage} an hour, the others at ${extra}. How many
          dollars is that?
        Normal wage ${wage} for {normal} hours, overtime ${extra} an hour, {hours} hours worked. Total pay?
        How much does {name} get for {hours} hours if the first {normal} hours bring {wage} dollars each and all
          later ones {extra} dollars each?
        The {place} pays ${wage} for each of the first {normal} hours and ${extra} for each further hour. {name}
          works {hours} hours there. Find {his} pay.
        In one week {name} worked {hours} hours. Only {normal} hours count as normal, at {wage} dollars an hour. The
          rest is overtime at {extra} dollars. What did {he} earn?
        For overtime, which starts after {normal} hours, {name} gets {extra} dollars an hour instead of {wage}. How
          much do {hours} hours bring?
        A driver is paid {wage} dollars an hour for {normal} hours and {extra} dollars an hour beyond. How much for
          {hours} hours?
        Please compute the pay for {hours} hours: ${wage} an hour until {normal} hours, ${extra} an hour from then on.
        {name} has a contract of {normal} hours at ${wage} an hour. Each extra hour pays ${extra}. {He} works {hours}
          hours in all. What is {he} paid?
        After {normal} hours the wage of {name} rises from {wage} to {extra} dollars an hour. What does {he} earn in
          {hours} hours?
        If you work {hours} hours, get ${wage} an hour for the first {normal} and ${extra} an hour for the rest, what
          is your pay?
        The first {normal} hours of a job are paid at {wage} dollars each, all others at {extra} dollars each. {name}
          needs {hours} hours. How much money is that?
        A nurse works {hours} hours. {normal} of them are normal hours at ${wage}; the remaining ones are night hours
          at ${extra}. What is the pay in dollars?
        {name} rents a hall for {hours} hours. The first {normal} hours cost ${wage} each, every other hour ${extra}.
          How much is the rent?
        I worked {hours} hours at {wage} dollars an hour, but for hours beyond {normal} I get {extra} dollars. What
          do I get?
        {hours} hours of work, of which all beyond {normal} are paid {extra} dollars and the others {wage} dollars
          each: how many dollars?
        The first {normal} {things} are sold at ${wage} each. After that each one costs ${extra}. {name} buys
          {hours}. What does {he} pay?
        {name} is paid weekly: {wage} dollars an hour, but {extra} dollars an hour over {normal} hours. This week
          {he} has {hours} hours. What is {his} pay?
    """),
    stories("""
        Overtime begins after hour {normal} and is worth ${extra} an hour; before it an hour is worth ${wage}. {name}
          stays {hours} hours. What does {he} make?
        {hours} hours were worked by {name}. Hours past {normal} earn {extra} dollars, the earlier ones {wage}
          dollars. State the whole pay.
        A worker's hour costs {wage} dollars until {normal} hours are reached and {extra} dollars later. What do
          {hours} hours cost?
        What pay is due for {hours} hours when the limit for the normal wage of ${wage} is {normal} hours and the
          higher wage is ${extra}?
        {name} gets more per hour, {extra} dollars, once {normal} hours at {wage} dollars are done. How many dollars
          are {hours} hours worth to {him}?
        A plumber asks {wage} dollars for each of the first {normal} hours and {extra} dollars for any other hour.
          The work takes {hours} hours. How much is the bill?
        Find the wages of {name} for {hours} hours, knowing that {he} gets ${extra} for each hour above {normal} and
          ${wage} for each hour below.
        Until {normal} hours: ${wage} per hour. From then on: ${extra} per hour. Worked: {hours} hours. Earned?
        With {normal} hours at the usual {wage} dollars and all the others at {extra} dollars, what does {name} earn
          in {hours} hours?
        {name} is at work for {hours} hours. How much is paid if {normal} hours are paid {wage} dollars each and the
          hours left over {extra} dollars each?
    """),
)

WORK_RATE = Family(
    "work_rate",
    _work_rate,
    stories("""
        {workers} machines each make {rate} {things} an hour. How many {things} do they make in {hours} hours?
        A {job} makes {rate} {things} an hour. How many do {workers} of them make in {hours} hours?
        {workers} pumps bring {rate} litres a minute each. How many litres is that in {hours} minutes?
        Each of {workers} children reads {rate} pages a day. How many pages do they read together in {hours} days?
        {workers} printers, {rate} pages a minute each, {hours} minutes: how many pages?
        In one hour a worker packs {rate} boxes. How many boxes do {workers} workers pack in {hours} hours?
        {name} has {workers} hens. Each lays {rate} eggs a week. How many eggs are there after {hours} weeks?
        {workers} taps fill a pool. Each gives {rate} litres a minute. How much water is in the pool after {hours}
          minutes, in litres?
        How many {things} are made in {hours} hours by {workers} people who make {rate} an hour each?
        A team of {workers} painters works {hours} hours. Every painter paints {rate} metres of fence an hour. How
          many metres are painted?
        {workers} bakers each bake {rate} cakes a day. What number of cakes do they bake in {hours} days?
        {name} and {his} friends are {workers} people. Each picks {rate} {things} an hour for {hours} hours. How many
          do they pick in all?
        Every day {workers} trucks make {rate} trips each. How many trips are made in {hours} days?
        Please find how many {things} {workers} machines make in {hours} hours, at {rate} an hour for each machine.
        At the {place}, {workers} guides each lead {rate} groups a day. How many groups are led in {hours} days?
        {workers} cows give {rate} litres of milk a day each. How many litres do they give in {hours} days?
        {hours} hours long, {workers} students write {rate} words an hour each. How many words are written?
        If one robot builds {rate} {things} an hour, how many do {workers} robots build in {hours} hours?
        {workers} gardeners plant {rate} trees a day each. After {hours} days, how many trees are planted?
        {name} runs {workers} ovens. One oven bakes {rate} loaves an hour. How many loaves come out in {hours} hours?
        {rate} {things} an hour is what each of {workers} workers makes. How many {things} are ready after {hours}
          hours?
    """),
    stories("""
        {workers} copies of a machine run for {hours} hours, and every single one puts out {rate} {things} per hour.
          What do they put out in all?
        A cook fries {rate} eggs in an hour. Suppose {workers} cooks fry for {hours} hours. How many eggs are fried?
        In {hours} days, how many {things} do {workers} people collect if each of them collects {rate} per day?
        Each spider in a group of {workers} catches {rate} flies a day. How many flies are caught within {hours} days?
        The work lasts {hours} hours. {workers} helpers carry {rate} {things} apiece in every hour. How many are
          carried?
        {rate} litres flow through a pipe every minute. Through {workers} such pipes, how many litres flow in {hours}
          minutes?
        Total output, please: {workers} presses, {hours} hours, {rate} sheets per press and hour.
        {name} watches {workers} clerks. A clerk answers {rate} letters an hour. How many letters do they answer over
          {hours} hours?
        How much coal in tonnes do {workers} miners dig in {hours} days when each one digs {rate} tonnes a day?
        For {hours} weeks, {workers} families each use {rate} bags of rice a week. How many bags are used?
    """),
)

TIME_NEEDED = Family(
    "time_needed",
    _time_needed,
    stories("""
        {workers} machines each make {rate} {things} an hour. How many hours do they need for {total} {things}?
        A pool takes {total} litres. {workers} taps bring {rate} litres a minute each. After how many minutes is it
          full?
        {total} pages are to be typed. {workers} people type {rate} pages an hour each. How many hours does it take?
        Each of {workers} workers packs {rate} boxes an hour. In how many hours do they pack {total} boxes?
        {workers} printers, {rate} pages a minute each, {total} pages: how many minutes?
        How many days do {workers} gardeners need to plant {total} trees if each plants {rate} trees a day?
        {name} and {his} friends are {workers} people. Each picks {rate} {things} an hour. How long do they need to
          pick {total}, in hours?
        A team of {workers} painters must paint {total} metres of fence. A painter does {rate} metres an hour. How
          many hours does the team work?
        {total} {things} are ordered. {workers} machines run at the same time, each making {rate} an hour. How many
          hours must they run?
        {workers} pumps empty a tank of {total} litres. One pump takes out {rate} litres a minute. How many minutes
          does it take?
        If one robot builds {rate} {things} an hour, how many hours do {workers} robots need for {total}?
        {workers} bakers bake {rate} cakes an hour each. How many hours until {total} cakes are baked?
        At the {place}, {total} visitors wait. {workers} guides take in {rate} visitors a minute each. After how many
          minutes are all inside?
        {workers} trucks carry {rate} tonnes an hour each. How many hours are needed to move {total} tonnes?
        Please find the time in hours for {total} {things} if {workers} people make {rate} an hour each.
        {workers} hens lay {rate} eggs a week each. After how many weeks are there {total} eggs?
        {total} metres of road are to be built. {workers} teams each build {rate} metres a day. How many days does it
          take?
        {name} runs {workers} ovens that bake {rate} loaves an hour each. For how many hours must they run to make
          {total} loaves?
        There are {total} letters. {workers} clerks answer {rate} letters an hour each. When, in hours, are they done?
        {workers} students write {rate} words a minute each. How many minutes do they need for {total} words in all?
        A farm gets {rate} litres of milk a day from each of {workers} cows. In how many days does it get {total}
          litres?
    """),
    stories("""
        To make {total} {things}, how many hours do {workers} machines have to run together if each yields {rate} per
          hour?
        {total} sheets have to be printed by {workers} presses, and a press prints {rate} sheets a minute. How many
          minutes pass?
        A {job} makes {rate} {things} an hour. {workers} of them work side by side until {total} are made. How many
          hours is that?
        {workers} buckets a minute are poured into a barrel of {total} litres, each with {rate} litres. How many
          minutes are needed to fill it?
        When {workers} children collect {rate} {things} apiece each day, on how many days do they collect to get
          {total}?
        The job: {total} bricks. The team: {workers} people laying {rate} bricks a minute each. How many minutes?
        {name} wants {total} {things}. {workers} helpers bring {rate} each per hour. How many hours will it take?
        A hall with {total} seats is filled through {workers} doors. {rate} people pass each door in a minute. How
          many minutes until all seats are taken?
        How long, in days, do {workers} miners dig for {total} tonnes at {rate} tonnes a day each?
        {total} litres are needed. Each of {workers} wells gives {rate} litres an hour. After how many hours is there
          enough?
    """),
)

FAMILIES = (EARNINGS, OVERTIME_PAY, WORK_RATE, TIME_NEEDED)
